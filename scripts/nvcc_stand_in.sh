#!/usr/bin/env bash
# Stands in for nvcc, NVIDIA's compiler, so that scripts/check_cuda.sh can look at our code on any machine: says which version it
# stands in for and writes empty results. A program built with it has no kernels.
set -euo pipefail

release=13.0

result="" folder="" before=""
sources=()
for argument in "$@"; do
    case "$before" in
        -o | --output-file) result=$argument ;;
        -odir | --output-directory) folder=$argument ;;
    esac
    case "$argument" in
        --version)
            # Readers look for the release on the fourth line.
            printf 'nvcc: NVIDIA (R) Cuda compiler driver\n(a stand-in)\n(it compiles nothing)\n'
            printf 'Cuda compilation tools, release %s, V%s.88\n' "$release" "$release"
            exit 0
            ;;
        *.cu) sources+=("$argument") ;;
    esac
    before=$argument
done

if [ -n "$result" ]; then
    if [[ $result == *.a ]]; then
        rm -f "$result"
        ar rcs "$result"
    else
        echo "// no kernels: made by scripts/nvcc_stand_in.sh" >"$result"
    fi
elif [ -n "$folder" ]; then
    for source in "${sources[@]}"; do
        name=$(basename "${source%.cu}")
        echo "// no kernels: made by scripts/nvcc_stand_in.sh" >"$folder/$name.ptx"
    done
fi
