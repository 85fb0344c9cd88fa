# The library contract on the drop-in simulator: the cases in dom0, their peer in
# a guest with a guest's connection to the store.
set -eu
sim=$XENBLK_BIN/xenblk-sim
exec "$sim" run -- env CONTRACT_PEER=1 CONTRACT_GUEST="'$sim' guest 1 --" \
	"$XENBLK_BIN/sim-contract"
