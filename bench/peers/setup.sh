#!/bin/sh
# Makes in DIR everything that compare.py runs, and leaves the rest of the system alone:
#
#   bench/peers/setup.sh DIR
#
#   DIR/venv                  torch (CPU), transformers, PEFT, TRL
#   DIR/llama.cpp/build/bin   llama-batched-bench, for this CPU, from the source inside a PyPI package
#   DIR/sgemm                 sgemm.c with Debian's OpenBLAS (OpenMP build, linked statically)
#   DIR/135m, DIR/tiny        the models
#
# Needs python3 with venv, cmake, a C and C++ compiler and apt-get. What is already there is not made
# again. JOBS (2): of the build.
set -eu
[ $# -eq 1 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"

if [ ! -x venv/bin/trl ]; then
    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 transformers==5.24.0 peft==0.21.2 trl==1.16.0 gguf==0.19.0
fi

if [ ! -x llama.cpp/build/bin/llama-batched-bench ]; then
    if [ ! -d llama.cpp ]; then
        venv/bin/pip download --no-deps --no-binary llama-cpp-python llama-cpp-python==0.3.36
        tar xzf llama_cpp_python-*.tar.gz
        mv llama_cpp_python-*/vendor/llama.cpp .
        rm -r llama_cpp_python-*
    fi
    cmake -S llama.cpp -B llama.cpp/build -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_CURL=OFF \
        -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
    cmake --build llama.cpp/build --target llama-batched-bench -j"${JOBS:-2}"
fi

if [ ! -x sgemm ]; then
    apt-get download libopenblas-openmp-dev
    dpkg -x libopenblas-openmp-dev_*.deb openblas
    rm libopenblas-openmp-dev_*.deb
    cc -std=c11 -O2 -fopenmp -I openblas/usr/include/*/openblas-openmp "$here/sgemm.c" \
        openblas/usr/lib/*/openblas-openmp/libopenblas.a -lm -o sgemm
fi

for shape in 135m tiny; do
    [ -e $shape/bf16.gguf ] && [ -e $shape-f32 ] || venv/bin/python "$here/model.py" $shape $shape
done
