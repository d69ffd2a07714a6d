"""What bench/Pav.Bench measures on a GPU, by Hugging Face transformers: python3 bench/gpu_reference.py FOLDER SEQUENCES..."""

import sys
import time

import torch
import transformers

PROMPT, NEW, ROWS, TOKENS, ROUNDS = 64, 128, 32, 128, 5


def seconds(action):
    torch.cuda.synchronize()
    start = time.perf_counter()
    action()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def sampling(model, count):
    prompts = torch.randint(0, 509, (count, PROMPT), device="cuda")

    def generate(tokens):
        model.generate(
            prompts, attention_mask=torch.ones_like(prompts), do_sample=True, top_k=0, top_p=1.0, min_new_tokens=tokens, max_new_tokens=tokens, pad_token_id=0, eos_token_id=None
        )

    generate(8)
    prefill = seconds(lambda: generate(1))
    print(f"{count:9} {count * NEW / seconds(lambda: generate(NEW)):10.0f} {count * PROMPT / prefill:10.0f}")


def training(model):
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.01)
    ids = torch.randint(0, 509, (ROWS, TOKENS + 1), device="cuda")

    def step():
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = torch.nn.functional.cross_entropy(model(ids[:, :-1]).logits.float().flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    step()
    print(f"{'training':>9} {ROWS * TOKENS / sorted(seconds(step) for _ in range(ROUNDS))[ROUNDS // 2]:10.0f}")


def main():
    folder, counts = sys.argv[1], [int(count) for count in sys.argv[2:]]
    print(f"transformers {transformers.__version__}, torch {torch.__version__}, {torch.cuda.get_device_name()}")
    print(f"{'sampling':>9} {'tokens/s':>10} {'prefill/s':>10}")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.bfloat16).cuda().eval()
    with torch.inference_mode():
        for count in counts:
            sampling(model, count)
    training(model.float())


main()
