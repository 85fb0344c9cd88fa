# The library contract on the drop-in simulator: the cases in dom0, their peer in
# a guest with a guest's connection to the store.
set -eu
sim=$XENBLK_BIN/xenblk-sim
exec "$sim" run -- sh -eu -c '
	"$0" introduce 1
	CONTRACT_PEER=1 CONTRACT_PEER_STORE=${XENSIM_SOCKET%/*}/guest-1 "$1"
' "$sim" "$XENBLK_BIN/sim-contract"
