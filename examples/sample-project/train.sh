#!/usr/bin/env bash
# A stand-in for a training run: a progress bar and a falling loss, without any framework or GPU.
#
#   bash train.sh [--epochs N] [--learning-rate X] [--seconds-per-epoch S] [--fail-at EPOCH]
set -euo pipefail

epochs=20
learning_rate=0.1
seconds_per_epoch=4
fail_at=0
while [ $# -gt 0 ]; do
  case $1 in
    --epochs) epochs=$2 ;;
    --learning-rate) learning_rate=$2 ;;
    --seconds-per-epoch) seconds_per_epoch=$2 ;;
    --fail-at) fail_at=$2 ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done

# Tasks of an array start from different seeds.
seed=${SLURM_ARRAY_TASK_ID:-0}
steps=40
pause=$(awk -v seconds="$seconds_per_epoch" -v steps="$steps" 'BEGIN { print seconds / steps }')

echo "job ${SLURM_JOB_ID:-none} on $(hostname), node ${SLURMD_NODENAME:-none}, GPUs ${CUDA_VISIBLE_DEVICES:-none}"
echo "epochs $epochs, learning rate $learning_rate, seed $seed"

loss_after() {
  awk -v progress="$1" -v rate="$learning_rate" -v seed="$seed" 'BEGIN {
    srand(seed * 1000 + progress * 10)
    printf "%.4f", 0.08 + 2.2 * exp(-rate * 3 * progress) + 0.03 * rand()
  }'
}

for ((epoch = 1; epoch <= epochs; epoch++)); do
  for ((step = 1; step <= steps; step++)); do
    printf -v bar '%*s' $((step / 2)) ''
    printf '\repoch %2d/%d [%-20s] %3d%%' "$epoch" "$epochs" "${bar// /#}" $((step * 100 / steps))
    sleep "$pause"
  done
  loss=$(loss_after "$epoch")
  printf '  loss %s\n' "$loss"
  if [ "$epoch" = "$fail_at" ]; then
    echo "RuntimeError: CUDA out of memory (asked for with --fail-at $fail_at)" >&2
    exit 1
  fi
done

mkdir -p results
echo "$loss" > "results/loss-$seed.txt"
echo "done: final loss $loss"
