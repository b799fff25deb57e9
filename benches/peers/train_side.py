"""Hugging Face's GPT-2 alone: trains on random tokens, and prints the median seconds of a step as one object.

train_side.py --width N --layers N --heads N --tokens N --rows N --steps N --vocabulary N
"""

import argparse
import json
import statistics
import time

import torch
import transformers

WARM_UP = 3


def main():
    parser = argparse.ArgumentParser()
    for name in ["width", "layers", "heads", "tokens", "rows", "steps", "vocabulary"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    shape = parser.parse_args()
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=shape.vocabulary,
        n_positions=shape.tokens + 1,
        n_embd=shape.width,
        n_layer=shape.layers,
        n_head=shape.heads,
    )
    model = transformers.GPT2LMHeadModel(config).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    seconds = []
    for _ in range(shape.steps + WARM_UP):
        texts = torch.randint(shape.vocabulary, (shape.rows, shape.tokens + 1))
        begun = time.perf_counter()
        # Inputs and targets of the same number as ours, which does not read the last token.
        logits = model(texts[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, shape.vocabulary), texts[:, 1:].reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - begun)
    name = f"transformers {transformers.__version__} GPT-2 on torch {torch.__version__}"
    print(
        json.dumps({"name": name, "tokens": shape.rows * shape.tokens, "seconds": statistics.median(seconds[WARM_UP:])})
    )


if __name__ == "__main__":
    main()
