"""The table of `run.sh`: medians over rounds, and medians of the ratios of each round."""

import json
import sys
from statistics import median

PEERS = ["idinit", "pytorch", "candle", "burn"]
rounds = {}
for line in open(sys.argv[1]):
    result = json.loads(line)
    key = result["net"], result["threads"], result["peer"]
    rounds.setdefault(key, []).append(result)

print("| net | threads | program | wall ms | CPU ms | examples/s | peak MiB | idinit × by wall | by CPU |")
print("|---|---:|---|---:|---:|---:|---:|---:|---:|")
for net, threads in dict.fromkeys(key[:2] for key in rounds):
    own = rounds.get((net, threads, "idinit"), [])
    for peer in PEERS:
        results = rounds.get((net, threads, peer))
        if not results:
            continue

        def ratio(of):
            pairs = [theirs[of] / ours[of] for ours, theirs in zip(own, results)]
            return f"{median(pairs):.2f}" if pairs and peer != "idinit" else ""

        wall, cpu, speed, peak = (
            median(result[of] for result in results)
            for of in ("wall_ms", "cpu_ms", "examples_per_s", "peak_mib")
        )
        name = peer + (f" {results[0]['version']} ({results[0]['variant']})" if peer == "pytorch" else "")
        print(
            f"| {net} | {threads} | {name} | {wall:.1f} | {cpu:.1f} | {speed:.0f} | {peak:.0f} "
            f"| {ratio('wall_ms')} | {ratio('cpu_ms')} |"
        )
few, many = min(key[1] for key in rounds), max(key[1] for key in rounds)
if few != many:
    print(f"\nidinit on {many} threads against {few}, by wall:", end=" ")
    gains = []
    for net in dict.fromkeys(key[0] for key in rounds):
        pair = [rounds.get((net, threads, "idinit"), []) for threads in (few, many)]
        gains += [
            f"{net} × {median(a['wall_ms'] / b['wall_ms'] for a, b in zip(*pair)):.2f}"
            for _ in [0]
            if all(pair)
        ]
    print(", ".join(gains))
