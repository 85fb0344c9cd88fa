"""What goes wrong in the laboratory itself, as sentences for people.

Every module of the lab raises LabError for what its user can mend or must know
(no QEMU, a mirror without a kernel, too little memory); main.py prints it.  A
verdict about a backend or a guest is never an exception.
"""


class LabError(Exception):
    """A sentence that names the thing, the value and the way out."""
