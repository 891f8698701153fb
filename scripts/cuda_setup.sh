#!/usr/bin/env bash
# Puts into a folder what building with the feature `cuda` takes, from Python wheels alone (650 MB):
#
#   scripts/cuda_setup.sh ~/cuda-build && source ~/cuda-build/env.sh
#   cargo build --release --package likely --features cuda
#
# The compiler is that of CUDA 13.0, whose code a driver of version 580 or later takes. There need be no GPU and no driver: where
# libraries only matter when the program runs, there are stubs to link against. A machine with CUDA 13.0 already needs none of this.
set -euo pipefail

folder=${1:?usage: scripts/cuda_setup.sh FOLDER}
# 90 is Hopper (H100, H200); 80 is Ampere (A100), 89 Ada, 120 Blackwell.
capability=${CUDA_COMPUTE_CAP:-90}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
project=$(cd "$(dirname "$0")/.." && pwd)

[ -d "$folder/venv" ] || python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps \
    nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-cccl==13.0.85 \
    nvidia-cuda-runtime==13.0.96 nvidia-curand==10.4.0.35 nvidia-cuda-nvrtc==13.0.88
home=$(echo "$folder"/venv/lib/python3*/site-packages/nvidia/cu13)

# The linker looks for names without a version, in lib64.
ln -sfn libcudart.so.13 "$home/lib/libcudart.so"
ln -sfn libcurand.so.10 "$home/lib/libcurand.so"
ln -sfn libnvrtc.so.13 "$home/lib/libnvrtc.so"
ln -sfn lib "$home/lib64"

# The driver and cuBLAS come with the machine that has the GPU. A stub has every function that the bindings name.
(cd "$project" && cargo fetch --locked --quiet)
bindings=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/cudarc-0.19.* | tail -n 1)
stubs=$home/lib/stubs
mkdir -p "$stubs"
# stub LIBRARY VERSION PREFIX MODULE
stub() {
    grep -rhoE "pub unsafe fn $3[A-Za-z0-9_]+" "$bindings/src/$4/sys" | awk '{ print $4 }' | sort -u |
        sed 's/.*/void &(void) {}/' >"$stubs/$1.c"
    cc -shared -fPIC "-Wl,-soname,lib$1.so.$2" -o "$stubs/lib$1.so" "$stubs/$1.c"
}
stub cuda 1 cu driver
stub cublas 13 cublas cublas
stub cublasLt 13 cublas cublaslt

cat >"$folder/env.sh" <<END
export CUDA_HOME=$home CUDA_PATH=$home CUDA_COMPUTE_CAP=$capability
export PATH=$home/bin:\$PATH
END
echo "next: source $folder/env.sh && cargo build --release --package likely --features cuda"
