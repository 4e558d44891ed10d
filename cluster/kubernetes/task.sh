#!/bin/sh
# main.py as a pod of a TFJob: sh cluster/kubernetes/task.sh FLAGS
#
# Under restartPolicy ExitCode the training operator takes a status from 1 to 127 as final, and starts a pod again after
# one from 128. So 75 (preempted) and 76 (a peer is lost) become 175 and 176. 1 (a bug) and 2 (yours to put right) stay
# final; a process that was killed has 128 and its signal's number by itself.
set -u
python main.py "$@" &
main=$!
# A container's first process is this shell: nobody else passes on what Kubernetes says.
trap 'kill -TERM "$main" 2>/dev/null' TERM

wait "$main"
status=$?
# The trap ends the wait before main.py has ended.
while kill -0 "$main" 2>/dev/null; do
  wait "$main"
  status=$?
done

case $status in
75) exit 175 ;;
76) exit 176 ;;
esac
exit "$status"
