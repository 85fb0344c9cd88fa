"""Packages of Debian's releases, fetched without touching this system's apt.

Each release has an apt root of its own below CACHE/apt/RELEASE: its list of
sources, its indexes, its downloads.  apt checks signatures and checksums as
everywhere.  What was fetched once is recorded and never fetched again, so a
warm cache needs no network; refresh() looks for what is newer.

kernels.py, hypervisor.py and initramfs.py call this; it never installs anything.
"""

import contextlib
import fcntl
import functools
import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from . import place
from .errors import LabError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
KEYRING_PACKAGE = "debian-archive-keyring"
# This release is signed with keys that every Debian 12 has.
HOME_RELEASE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
SECURITY_MIRROR = "http://deb.debian.org/debian-security"
INDEX_AGE_S = 24 * 3600
TROUBLED_AGE_S = 600
UPDATE_TIMEOUT_S = 600
DOWNLOAD_TIMEOUT_S = 900
VERSIONS_TRIED_MAX = 6

RELEASES = {
    "bullseye": ("bullseye", "security:bullseye-security"),
    "bookworm": (
        "bookworm", "bookworm-updates", "security:bookworm-security"
    ),
    "trixie": ("trixie", "trixie-updates", "security:trixie-security"),
    "sid": ("sid",),
}


class Package(NamedTuple):
    """One fetched package: its file holds exactly that version."""

    name: str
    version: str
    path: Path


def mirrors():
    """(mirror, security mirror); XENBLK_LAB_MIRROR replaces both, as
    "MIRROR" or "MIRROR SECURITY_MIRROR"."""
    words = os.environ.get("XENBLK_LAB_MIRROR", "").split()
    if not words:
        return MIRROR, SECURITY_MIRROR
    if len(words) > 2:
        raise LabError(
            f"XENBLK_LAB_MIRROR holds {len(words)} words; it takes the "
            "mirror's address and, after a blank, that of debian-security."
        )
    first = words[0].rstrip("/")
    return first, (words[1] if len(words) == 2 else first + "-security")


def sources_list(release, keyring):
    """The text of a release's sources.list."""
    mirror, security = mirrors()
    lines = []
    for suite in RELEASES[release]:
        base, name = mirror, suite
        if suite.startswith("security:"):
            base, name = security, suite.partition(":")[2]
        option = f"[signed-by={keyring}]"
        lines += [f"{kind} {option} {base} {name} main" for kind in ("deb", "deb-src")]
    return "".join(line + "\n" for line in lines)


class Root:
    """The apt root of one release."""

    def __init__(self, release):
        if release not in RELEASES:
            raise LabError(
                f"'{release}' is not a release that the laboratory knows; "
                f"there are {', '.join(RELEASES)}."
            )
        self.release = release
        self.folder = place.cache() / "apt" / release
        self.files = self.folder / "files"
        self.records = self.folder / "records"
        self.stamp = self.folder / "updated"

    def keyring(self):
        """Debian's keys: this system's, or newer ones if they were needed."""
        newer = newer_keyring_path()
        if self.release != HOME_RELEASE and newer.exists():
            return newer
        return KEYRING

    def prepare(self):
        """Makes the folders and the list of sources."""
        keyring = self.keyring()
        if not keyring.exists():
            raise LabError(
                f"{keyring} is missing, so nothing from Debian could be "
                f"verified: install {KEYRING_PACKAGE} (ci/setup lab does)."
            )
        for name in ("etc/apt/preferences.d", "etc/apt/apt.conf.d",
                     "var/lib/apt/lists/partial",
                     "var/cache/apt/archives/partial", "files", "records"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        listed = self.folder / "etc/apt/sources.list"
        text = sources_list(self.release, keyring)
        if not listed.exists() or listed.read_text() != text:
            listed.write_text(text)
            self.stamp.unlink(missing_ok=True)

    def options(self):
        """What keeps apt inside this root."""
        pairs = {
            "Dir": self.folder,
            "Dir::State::status": self.folder / "status",
            "Dir::Etc::sourceparts": "-",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64,i386",
            "APT::Sandbox::User": "root",
            "APT::Get::List-Cleanup": "true",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "Acquire::http::Timeout": "30",
            "Acquire::Check-Valid-Until": "false",
        }
        return [word for key, value in pairs.items() for word in ("-o", f"{key}={value}")]

    def apt(self, tool, *words, timeout=DOWNLOAD_TIMEOUT_S, cwd=None):
        """Runs an apt tool in this root: (status, output)."""
        command = [tool, "-q", *self.options(), *map(str, words)]
        try:
            done = subprocess.run(
                command, cwd=cwd or self.files, timeout=timeout, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C"},
            )
        except FileNotFoundError:
            raise LabError(
                f"{tool} is not on this system: the laboratory builds its "
                "images from Debian packages and needs Debian's apt."
            ) from None
        except subprocess.TimeoutExpired:
            raise LabError(
                f"{tool} {' '.join(map(str, words))} for {self.release} did "
                f"not end within {timeout} s: is {mirrors()[0]} reachable?"
            ) from None
        return done.returncode, done.stdout

    def update(self):
        """Fetches the indexes, if they are older than a day.

        A mirror may lack one suite for an hour while it is brought up to date:
        what the other suites list is used, and trouble() tells the rest.
        """
        self.prepare()
        with contextlib.suppress(FileNotFoundError):
            age = time.time() - self.stamp.stat().st_mtime
            limit = TROUBLED_AGE_S if self.stamp.stat().st_size else INDEX_AGE_S
            if age < limit:
                return
        status, output = self.apt("apt-get", "update", timeout=UPDATE_TIMEOUT_S)
        if "NO_PUBKEY" in output and self.release != HOME_RELEASE:
            fetch_newer_keyring()
            self.prepare()
            status, output = self.apt("apt-get", "update", timeout=UPDATE_TIMEOUT_S)
        failed = status or re.search(r"^(E:|W: Failed|Err:)", output, re.M)
        self.stamp.write_text(complaint(output) + "\n" if failed else "")

    def trouble(self):
        """What the last update complained of, as the end of a sentence."""
        if not self.stamp.exists() or not self.stamp.stat().st_size:
            return ""
        return f" The last update of its indexes: {self.stamp.read_text().strip()}"

    def versions(self, name):
        """The versions that the index lists, the newest first."""
        status, output = self.apt("apt-cache", "madison", name)
        found = [line.split("|")[1].strip() for line in output.splitlines()
                 if line.count("|") == 2 and "Packages" in line]
        if status or not found:
            return []
        return newest_first(found)

    def names(self, pattern):
        """The packages whose name matches a regular expression."""
        _, output = self.apt("apt-cache", "pkgnames")
        return sorted(n for n in output.split() if re.fullmatch(pattern, n))

    def depends(self, name, version):
        """The names in the Depends of one version."""
        status, output = self.apt("apt-cache", "show", f"{name}={version}")
        line = re.search(r"^Depends: (.*)$", output, re.M)
        if status or not line:
            return []
        return [re.split(r"[ (|]", word.strip())[0] for word in line[1].split(",")]

    @contextlib.contextmanager
    def lock(self):
        """Two builds that share a cache take turns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w", encoding="ascii") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield


def complaint(output):
    """The lines of apt's that say what was wrong, in one."""
    lines = [line.strip() for line in output.splitlines()
             if re.match(r"(E:|W:|Err:)", line.strip())]
    return " ".join(lines[:3]) or "apt gave no reason."


def _compare(left, right):
    if left == right:
        return 0
    later = subprocess.run(
        ["dpkg", "--compare-versions", left, "gt", right], check=False
    )
    return 1 if later.returncode == 0 else -1


def newest_first(versions):
    """Debian's order of versions, each once, the newest first."""
    return sorted(set(versions), key=functools.cmp_to_key(_compare), reverse=True)


def newer_keyring_path():
    """Where the home release's present keyring is kept."""
    return place.cache() / "apt" / "keyring" / KEYRING.relative_to("/")


def fetch_newer_keyring():
    """Gets the keyring as the home release now has it."""
    package = fetch(HOME_RELEASE, KEYRING_PACKAGE)
    unpack(package, place.cache() / "apt" / "keyring")


def recorded(root, name):
    """What an earlier run fetched under this name, or None."""
    path = root.records / f"{name}.json"
    if not path.exists():
        return None
    record = json.loads(path.read_text())
    package = Package(name, record["version"], root.files / record["file"])
    return package if package.path.exists() else None


def _download(root, name, version):
    """One version of one package; the complaint if it could not be had."""
    before = set(root.files.iterdir())
    status, output = root.apt("apt-get", "download", f"{name}={version}")
    start = f"{name.partition(':')[0]}_{version.replace(':', '%3a')}_"
    files = [p for p in root.files.iterdir() if p.name.startswith(start)]
    if status or not files:
        for leftover in set(root.files.iterdir()) - before:
            leftover.unlink()
        return None, complaint(output)
    record = {"version": version, "file": files[0].name}
    (root.records / f"{name}.json").write_text(json.dumps(record) + "\n")
    return Package(name, version, files[0]), ""


def candidates(root, names):
    """(name, version) of all of these names, the newest version first."""
    pairs = [(name, version) for name in names for version in root.versions(name)]
    order = newest_first(version for _, version in pairs)
    return sorted(pairs, key=lambda pair: order.index(pair[1]))


def fetch_first(release, names, what):
    """The first of these candidates that the mirror really has.

    An index may list what the mirror lacks (404): then the next version is
    taken.  @what says in the error what it was for.
    """
    root = Root(release)
    if not names:
        raise LabError(
            f"Debian {release} on {mirrors()[0]} has no {what}: its index "
            f"lists no such package.{root.trouble()}"
        )
    with root.lock():
        root.update()
        tried = []
        for name, version in candidates(root, names)[:VERSIONS_TRIED_MAX]:
            package, why = _download(root, name, version)
            if package:
                return package
            tried.append(f"{name} {version} ({why})")
    if not tried:
        raise LabError(
            f"{what}: none of {', '.join(names)} is in the index of Debian "
            f"{release} on {mirrors()[0]}.{root.trouble()}"
        )
    raise LabError(
        f"{what}: Debian {release} on {mirrors()[0]} lists it and does not "
        f"have it; tried {'; '.join(tried)}. XENBLK_LAB_MIRROR names another "
        "mirror."
    )


def fetch(release, name):
    """One package, from the cache or else from the mirror."""
    package = recorded(Root(release), name)
    return package or fetch_first(release, [name], f"package {name}")


def unpack(package, folder):
    """The files of a package, below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["dpkg-deb", "--extract", str(package.path), str(folder)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )
    if done.returncode:
        raise LabError(
            f"{package.path.name} could not be unpacked into {folder}: "
            f"{done.stderr.strip()}. Is the disk full? Remove that file to "
            "have it fetched again."
        )


def source(release, name, folder):
    """Fetches the newest source package into a folder; .path is its .dsc."""
    root = Root(release)
    with root.lock():
        root.update()
        status, output = root.apt(
            "apt-get", "source", "--download-only", name, cwd=folder
        )
    found = sorted(folder.glob("*.dsc"))
    if status or not found:
        raise LabError(
            f"the source of {name} could not be fetched from Debian {release} "
            f"on {mirrors()[0]}: {complaint(output)}"
        )
    version = found[-1].stem.partition("_")[2]
    return Package(name, version, found[-1])
