# docker build -t strokebench .                                                      for a CPU
# docker build -t strokebench --build-arg TORCH_INDEX=https://pypi.org/simple .      with CUDA, for an NVIDIA GPU
# docker run --rm --user "$(id -u)" -v "$PWD:/data" strokebench run table1
FROM python:3.13-slim

# Where PyTorch comes from: its CPU build is a tenth of that with CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# XGBoost and scikit-learn compute by OpenMP.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*

COPY . /opt/strokebench
RUN python -m pip install --no-cache-dir --extra-index-url "${TORCH_INDEX}" \
    --constraint /opt/strokebench/constraints.txt "/opt/strokebench[embedded,text,cluster,ui]" \
    && { python -c "from importlib.metadata import version; exit('+cpu' in version('torch'))" \
        || python -m pip uninstall --yes nvidia-nccl-cu12; }

RUN useradd --create-home strokebench
USER strokebench
# Everything written goes to /data/work, which the host keeps.
WORKDIR /data
# Any user of the host may run it; libraries keep their caches in a home.
ENV HOME=/tmp

ENTRYPOINT ["strokebench"]
CMD ["--help"]
