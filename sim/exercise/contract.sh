# The library contract on the drop-in simulator: the cases in dom0, their peer in
# a guest with a guest's connection to the store.
set -eu
PATH=$XENBLK_BIN:$PATH
exec xenblk-sim run -- sim-contract
