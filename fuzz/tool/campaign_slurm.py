"""An array job for Slurm, written from the plan of one campaign.

Every task of the array is a host of its own: a campaign in a folder on the
node's own disk, with one main, which gives its queue to the others through a
shared folder at intervals and when the job is told to end.  Pure: a plan and
options in, a script out.
"""

import os
import shlex

from tree import ROOT


def options(p):
    p.add_argument("--tasks", type=int, default=2, metavar="N",
                   help="tasks of the array (2)")
    p.add_argument("--share", required=True, metavar="FOLDER",
                   help="a folder that all nodes see: queues, reports, logs")
    p.add_argument("--local", default="${SLURM_TMPDIR:-${TMPDIR:-/tmp}}",
                   metavar="FOLDER", help="on the node's own disk "
                   "($SLURM_TMPDIR or /tmp)")
    p.add_argument("--minutes", type=int, metavar="N",
                   help="the walltime (default: the campaign's and 15 more)")
    p.add_argument("--grace", type=int, default=120, metavar="SECONDS",
                   help="what a task gets to push before the walltime ends")
    p.add_argument("--share-every", type=float, metavar="SECONDS",
                   help="default: a tenth of the time, 30 minutes at most")
    p.add_argument("--sbatch", action="append", default=[], metavar="OPTION",
                   help="one more #SBATCH line (repeatable)")
    p.add_argument("--out", metavar="FILE", help="default: print it")


SCRIPT = """#!/bin/bash
# Written by xenblk-fuzz campaign slurm: {tasks} tasks, {harnesses} harnesses.
# xenblk-fuzz campaign build first: the tasks then find everything built.
# sbatch it again to go on: queues are pulled from the shared folder.
#SBATCH --job-name=xenblk-fuzz
#SBATCH --array=0-{last}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={cores}
#SBATCH --time={minutes}
#SBATCH --signal=B:TERM@{grace}
#SBATCH --requeue
#SBATCH --output={share}/log.%a
{more}set -u
share={share}
task=$SLURM_ARRAY_TASK_ID
host=$(hostname -s)-$task
# The node's own disk: an engine writes thousands of files a minute.
local={local}/xenblk-fuzz.$SLURM_ARRAY_JOB_ID.$task
mkdir -p "$local" "$share/reports" || exit 4

# The shell gets the signal and hands it on; the campaign pushes and ends.
told=
trap 'told=1; kill -TERM "$campaign"' TERM
{tool} campaign start {words} \\
	--host "$host" --folder "$local" --share "$share/queues" \\
	--share-every {every} --findings "$share/findings" &
campaign=$!
wait "$campaign"
status=$?
# wait returns early when the trap has run: the campaign is still ending.
while kill -0 "$campaign" 2>/dev/null; do
	wait "$campaign"
	status=$?
done
if [ -f "$local/state.json" ]; then
	{tool} campaign report --folder "$local" --out "$share/reports/$host.html"
	cp "$local/state.json" "$share/reports/$host.json"
	# Told to end before its time: not a failure of the job.
	[ -z "$told" ] || [ "$status" != 4 ] || status=0
	# 1 says that something was found, which is what we came for.
	[ "$status" != 1 ] || ! grep -q '"status": "done"' "$local/state.json" || status=0
fi
rm -rf "$local"
exit "$status"
"""


def script(plan, args):
    """The whole job."""
    every = args.share_every or min(1800, max(10, plan["seconds"] / 10))
    words = plan["harnesses"] + [
        "--engines", "both" if len(plan["engines"]) == 2 else
        plan["engines"][0], "--cores", str(plan["cores"]), "--seconds",
        str(plan["seconds"]), "--slice", str(plan["slice_s"])]
    return SCRIPT.format(
        tasks=args.tasks, harnesses=len(plan["harnesses"]),
        last=args.tasks - 1, cores=plan["cores"], grace=args.grace,
        minutes=args.minutes or plan["seconds"] // 60 + 15,
        share=shlex.quote(os.path.abspath(args.share)), local=args.local,
        more="".join(f"#SBATCH {line}\n" for line in args.sbatch),
        tool=shlex.quote(os.path.join(ROOT, "fuzz", "xenblk-fuzz")),
        words=shlex.join(words), every=f"{every:g}")
