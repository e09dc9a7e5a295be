"""Runs vstar and its peers on one model folder, in turn, and prints one Markdown table of rates and ratios.

    python3 compare.py --peers DIR --model DIR/135m --threads 1 --rounds 5 --raw runs.jsonl > table.md

DIR is what setup.sh made. In each round every workload goes to vstar and then to each peer that has it,
so a ratio compares runs of the same minutes. With one thread rates are per CPU-second, with more per
second of wall clock. Every measurement is appended to --raw at once; what is already there is not run
again, so a cut run is resumed by the same command, and the table covers all of --raw (of one machine,
please). --rounds 0 only prints the table.
"""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
PROMPT = NEW = 128  # as in torch_peer.py
PEERS = {  # in the order of the columns: the kinds of workload that each has
    "vstar-f32": ("decode", "prefill", "score", "sft", "sft-lora", "dpo", "dpo-lora", "kernels"),
    "vstar-bf16": ("decode", "prefill", "score", "kernels"),
    "torch": ("decode", "prefill", "score", "sft", "sft-lora"),
    "hand": ("decode", "score", "dpo", "dpo-lora"),
    "trl": ("dpo-lora",),
    "llama-f32": ("decode", "prefill"),
    "llama-bf16": ("decode", "prefill"),
    "openblas": ("kernels",),
}
WORKLOADS = ("decode:1,decode:8,decode:16,decode:64,prefill:512,score:64,sft-lora:16,sft:16,dpo-lora:8+8,"
             "kernels:1,kernels:2,kernels:4,kernels:8,kernels:16,kernels:32,kernels:512")


def has(peer, workload):
    kind, size = workload.split(":")
    # llama-batched-bench shares one prompt, not several
    return kind in PEERS[peer] and not (peer.startswith("llama") and "x" in size)


def vstar(args, peer, workload):
    # f32 weights in a folder of their own: bf16 ones are kept as bf16, for the same bits in fewer bytes
    model = f"{args.model}-f32" if peer == "vstar-f32" else args.model
    compute = "bf16" if peer == "vstar-bf16" else "f32"
    out = subprocess.run([args.vstar, "bench", "--model", model, "--compute", compute,
                          "--threads", str(args.threads), "--runs", "1", "--prompt", str(PROMPT), "--new", str(NEW), "--workload", workload],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)


def torch_worker(args, peer, workload):
    if args.worker is None:
        args.worker = subprocess.Popen([args.peers / "venv/bin/python", HERE / "torch_peer.py", args.model,
                                        str(args.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
    print(peer, workload, file=args.worker.stdin, flush=True)
    answer = args.worker.stdout.readline()
    if not answer:  # it died, of memory perhaps: the next workload gets a new one
        args.worker = None
        raise RuntimeError("the worker ended")
    return json.loads(answer)


def llama(args, peer, workload):
    """llama-batched-bench twice in one process: the first line of its output ends the warm-up."""
    kind, n = workload.split(":")
    n, threads = int(n), str(args.threads)
    if kind == "decode":
        shape = ["-pps", "-npp", str(PROMPT), "-ntg", f"4,{NEW}", "-npl", str(n), "-c", str(n * (PROMPT + NEW))]
    else:
        shape = ["-npp", f"{n},{n}", "-ntg", "1", "-npl", "1", "-c", str(n + 1)]
    p = subprocess.Popen([args.peers / "llama.cpp/build/bin/llama-batched-bench",
                          "-m", f"{args.model}/{peer[len('llama-'):]}.gguf", *shape, "-b", "2048", "-ub", "512",
                          "-t", threads, "-tb", threads, "-fa", "on", "-ctk", "f16", "-ctv", "f16",
                          "--output-format", "jsonl"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    ended = []
    for line in p.stdout:
        if line.startswith("{"):
            # -(pid + 1) * 8 + 2 is Linux's CPU-time clock of a process, all its threads
            ended.append((json.loads(line), time.perf_counter(), time.clock_gettime((~p.pid << 3) | 2)))
    usage = os.wait4(p.pid, 0)[2]
    (_, wall0, cpu0), (report, wall1, cpu1) = ended
    seconds = report["t"] if kind == "decode" else report["t_pp"]
    # the tool reports wall clock only; the CPU time between its lines has its report's share of theirs
    return {"seconds": seconds, "cpu_seconds": seconds * (cpu1 - cpu0) / (wall1 - wall0),
            "tokens": n * NEW if kind == "decode" else n, "peak_rss_mb": usage.ru_maxrss // 1024}


def openblas(args, peer, workload):
    c = json.loads(Path(args.model, "config.json").read_text())
    shape = [c[k] for k in ("num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads",
                            "intermediate_size", "vocab_size")]
    out = subprocess.run([args.peers / "sgemm", *map(str, shape), workload.split(":")[1]], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)


def measure(args, peer, workload):
    if peer.startswith("vstar"):
        return vstar(args, peer, workload)
    if peer == "openblas":
        return openblas(args, peer, workload)
    return (llama if peer.startswith("llama") else torch_worker)(args, peer, workload)


def read_raw(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def key(row):
    return tuple(row[k] for k in ("model", "threads", "round", "workload", "peer"))


def run(args):
    done = {key(row) for row in read_raw(args.raw) if "error" not in row}
    os.environ.update(OMP_NUM_THREADS=str(args.threads), OMP_WAIT_POLICY="passive", HF_HUB_OFFLINE="1",
                      TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1")
    for number in range(args.rounds):
        for workload in args.workloads.split(","):
            for peer in ["vstar"] + [p for p in args.only.split(",") if has(p, workload)]:
                row = {"model": Path(args.model).name, "threads": args.threads, "round": number, "workload": workload,
                       "peer": peer}
                if key(row) in done:
                    continue
                try:
                    row = {**measure(args, peer, workload), **row, "load": os.getloadavg()[0]}
                except Exception as e:  # one failure must not end a run of hours; the table leaves it out
                    row["error"] = repr(e)
                with args.raw.open("a") as f:
                    print(json.dumps(row), file=f)
                print(number, workload, peer, row.get("error") or f"{rate(row):.4g} tokens/s", file=sys.stderr)
    if args.worker:
        args.worker.stdin.close()
        args.worker.wait()


def rate(row):
    return row["tokens"] / row["cpu_seconds" if row["threads"] == 1 else "seconds"] / row.get("scale", 1)


def table(rows):
    groups = sorted({(r["model"], r["threads"]) for r in rows})
    for model, threads in groups:
        unit = "CPU-second" if threads == 1 else "second"
        print(f"### {model}, {threads} thread{'s' * (threads > 1)}: tokens per {unit}, median\n")
        group = [r for r in rows if (r["model"], r["threads"]) == (model, threads)]
        peers = [p for p in PEERS if any(r["peer"] == p for r in group)]
        head = ["workload", "vstar", *peers, "vstar / best f32 peer", "vstar-f32 / it", "range over rounds", "rounds",
                "peak MB, vstar / that peer"]
        print("|", " | ".join(head), "|\n|" + "---|" * len(head))
        for workload in dict.fromkeys(r["workload"] for r in group):
            print("|", " | ".join(line([r for r in group if r["workload"] == workload], workload, peers)), "|")
        print()
    if any(r.get("scale", 1) != 1 for r in rows):
        print("trl: measured on 8 of the right x wrong pairs; the rate is computed for all of them.")


def line(rows, workload, peers):
    by = {p: {r["round"]: r for r in rows if r["peer"] == p} for p in ["vstar", *peers]}
    rates = {p: median(map(rate, by[p].values())) for p in by if by[p]}
    share = "share_of_limit" + "_cpu" * (rows[0]["threads"] == 1)
    cells = [workload]
    for p in by:  # vstar's with its share of the limit
        shares = [r[share] for r in by[p].values() if share in r]
        cells.append((f"{rates[p]:.4g}" if p in rates else "") + (f" ({median(shares):.2f})" if shares else ""))
    f32 = [p for p in rates if p not in ("vstar", "vstar-f32", "vstar-bf16", "llama-bf16")]
    if "vstar" not in rates or not f32:
        return cells + [""] * 5
    best = max(f32, key=rates.get)
    both = sorted(by["vstar"].keys() & by[best].keys())
    ratios = [rate(by["vstar"][i]) / rate(by[best][i]) for i in both]
    memory = [max(r["peak_rss_mb"] for r in by[p].values()) if p != "openblas" else "" for p in ("vstar", best)]
    equal = f"{rates['vstar-f32'] / rates[best]:.2f}" if "vstar-f32" in rates else ""
    return cells + [f"**{rates['vstar'] / rates[best]:.2f}** ({best})", equal,
                    f"{min(ratios):.2f}..{max(ratios):.2f}" if ratios else "", str(len(both)),
                    f"{memory[0]} / {memory[1]}"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--peers", type=Path, help="the folder that setup.sh made")
    p.add_argument("--model", help="a folder that model.py made")
    p.add_argument("--vstar", default=HERE.parents[1] / "build/vstar", help="the program (build/vstar)")
    p.add_argument("--threads", type=int, default=1, help="of every program (1)")
    p.add_argument("--rounds", type=int, default=5, help="of all workloads (5)")
    p.add_argument("--workloads", default=WORKLOADS, help=f"some of {WORKLOADS}, or other sizes")
    p.add_argument("--only", default=",".join(PEERS), help=f"some of the peers {','.join(PEERS)}")
    p.add_argument("--raw", type=Path, default="peers.jsonl", help="measurements, appended (peers.jsonl)")
    args = p.parse_args()
    args.worker = None
    if args.rounds:
        run(args)
    table([r for r in read_raw(args.raw) if "error" not in r])


if __name__ == "__main__":
    main()
