# The program and what it needs to run, for a container's own user:
#   docker build --tag=stepdown:cpu .
#   docker build --tag=stepdown:gpu --build-arg=REQUIREMENTS=gpu .
#   docker run --rm --volume=stepdown:/storage stepdown:cpu --flagfile=configs/quickstart.flags \
#     --model_dir=/storage/runs/quickstart --data_dir=/storage/data
# The graphics driver is the host's (docker run --gpus=all, or nvidia.com/gpu under Kubernetes).

# A mirror's name can be put before it.
ARG BASE=python:3.11-slim
FROM ${BASE}

# Which lock file to install: run, or gpu, which brings CUDA.
ARG REQUIREMENTS=run

WORKDIR /stepdown

# Before the program, so that a change of the program installs nothing anew.
COPY requirements/ requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    --requirement="requirements/${REQUIREMENTS}.txt"

# What .dockerignore lets through.
COPY . .

# A number: Kubernetes does not know whether a name is root. /storage is for a volume; the rest is not to be written to.
RUN useradd --uid=10001 --user-group --no-create-home --home-dir=/tmp --shell=/usr/sbin/nologin stepdown \
    && install --directory --owner=10001 --group=10001 /storage
USER 10001:10001

# Libraries keep lists of fonts and settings at home. Lines are to come out as they are printed.
ENV HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

ENTRYPOINT ["python", "main.py"]
CMD ["--help"]
