#!/bin/bash
# The paper's network on two machines with four GPUs each. From the root of the repository:
#   sbatch trainer/examples/slurm.sh refcocog.jsonl bert-base-uncased detr-r50-e632da11.pth runs/refcocog
# A job that is requeued or sent again goes on from runs/refcocog/last.pt.
#SBATCH --job-name=ca2m
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=32
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --output=slurm-%j.log
set -euo pipefail

[ $# -ge 4 ] || { echo "usage: sbatch $0 REFS WORDS SIGHT OUT [more options of ca2m train]" >&2; exit 2; }
refs=$1 words=$2 sight=$3 out=$4
shift 4

read -r head < <(scontrol show hostnames "$SLURM_JOB_NODELIST") # not through a pipe, whose early end would count
gpus=${SLURM_GPUS_ON_NODE:-4}
export OMP_NUM_THREADS=1 # of each process; the loader's workers make the pictures

# One task a machine; torchrun starts a process for each of its GPUs. run.batch is that of all processes together.
srun .venv/bin/torchrun --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node "$gpus" \
  --rdzv-backend c10d --rdzv-endpoint "$head:29500" --rdzv-id "$SLURM_JOB_ID" -m -- ca2m.cli train \
  --config ca2m-r50 --refs "$refs" --words "$words" --sight "$sight" --out "$out" \
  --set run.precision=bf16 --workers $(( ${SLURM_CPUS_PER_TASK:-32} / gpus - 1 )) "$@"
