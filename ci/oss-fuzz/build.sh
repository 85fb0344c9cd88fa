#!/bin/bash -eu
# Builds every harness that an engine can drive, as OSS-Fuzz and ClusterFuzzLite ask for it:
# their compilers and flags, their engine, linked by their C++ compiler, and in $OUT for each
# harness NAME: NAME, NAME_seed_corpus.zip, NAME.options and, where there is one, NAME.dict.
#
# CMake says which harnesses there are: a new one comes along without a line here.  One that
# starts other programs (daemon) is none of them: the runner has neither those nor xenstored;
# nor is one whose library cannot be linked statically (metrics).
: "${CC:?}" "${CXX:?}" "${CFLAGS?}" "${CXXFLAGS?}" "${LIB_FUZZING_ENGINE:?}" "${OUT:?}" "${SRC:?}" "${WORK:?}"
source=$SRC/xenblk
build=$WORK/xenblk

cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None \
	-DXENBLK_ENGINE=external -DXENBLK_FUZZING_ENGINE="$LIB_FUZZING_ENGINE" \
	-DXENBLK_SANDBOX=OFF -DXENBLK_TESTS=OFF
ninja -C "$build" harnesses

while read -r name; do
	cp "$build/bin/fuzz-$name" "$OUT/$name"
	(cd "$build/corpora/$name" && find . -type f | sort | zip -q -X -@ - >"$OUT/${name}_seed_corpus.zip")
	dictionary=$source/corpora/$name/$name.dict
	[ ! -f "$dictionary" ] || cp "$dictionary" "$OUT/$name.dict"
	length=$(python3 -B -c 'import sys
sys.path.insert(0, sys.argv[1])
import tree
print(tree.MAX_LENGTH.get(sys.argv[2], 4096))' "$source/fuzz/tool" "$name")
	printf '[libfuzzer]\nmax_len = %s\ntimeout = 20\nrss_limit_mb = 2048\n' "$length" >"$OUT/$name.options"
done <"$build/harnesses.list"
