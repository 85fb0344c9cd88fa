# The library contract over the laboratory's bridge, as it runs on real Xen: the
# peer is started by the agent in the guest, its descriptor 3 comes through
# xenstore.
set -eu
PATH=$XENBLK_BIN:$PATH
export PATH
exec xenblk-sim run -- sh -c '
xenblk-sim introduce 7
xenblk-sim guest 7 -- xenblk-lab-agent &
CONTRACT_PEER=7 CONTRACT_GUEST="xenblk-lab-exec 7 --fd3 --" CONTRACT_PEER_PROGRAM=sim-contract \
CONTRACT_QUIET_MS=30 sim-contract'
