#!/usr/bin/env python3
"""Compare the logits of Footpath's models with those of Hugging Face transformers on the same weights.

    # once: makes VENV with transformers and torch for the CPU
    python3 tests/hugging_face/compare.py --install VENV compare [FOOTPATH]
    # afterwards
    VENV/bin/python tests/hugging_face/compare.py compare [FOOTPATH]
    # writes tests/data/hugging_face anew
    VENV/bin/python tests/hugging_face/compare.py fixtures

`compare` imports the bundled films, trains a short run of each design, exports it, loads the directory with
AutoModelForCausalLM and AutoTokenizer, and compares every logit along some hundred sampled paths, many of which meet
another user; then it imports the directory again and compares that model too. It also generates, greedily and with
beams: no word for a user at the beginning of a path may come out. Run it in the root of the repository. No part of CI:
it needs the network once. Exit status 1 when a logit differs by more than 1e-4.

`fixtures` writes tiny models with random weights for each architecture, with one word for each user and with two, and
the logits that transformers computes for three paths. The tests read them.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

TOLERANCE = 1e-4
NUM_PATHS = 200
FILMS = "data/films"
FIXTURES = "tests/data/hugging_face"
# Everything that is folded into the weights of an export is in one of these.
DESIGNS = {
    "gpt2": ["--architecture", "gpt2"],
    "llama": ["--architecture", "llama"],
    "gpt2, tied, kinds": ["--architecture", "gpt2", "--tied", "--token-kinds"],
    "llama, tied": ["--architecture", "llama", "--tied"],
    "gpt2, factorised": ["--architecture", "gpt2", "--factorised", "24"],
    "llama, factorised, kinds": ["--architecture", "llama", "--factorised", "24", "--token-kinds"],
}


def install(venv):
    """Makes the environment, unless it is whole already, and goes on in it."""
    python, whole = str(pathlib.Path(venv) / "bin" / "python"), pathlib.Path(venv) / "complete"
    if not whole.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        pip = [python, "-m", "pip", "install", "--quiet"]
        # Whatever build of torch the index has will do: only the CPU is used.
        subprocess.run([*pip, "torch", "transformers", "safetensors", "numpy"], check=True)
        whole.touch()
    at = sys.argv.index("--install")
    os.execv(python, [python, *sys.argv[:at], *sys.argv[at + 2 :]])


def word(name):
    """A name as the tokenizer of an export has it; see docs/hugging-face.md."""
    relation = not name.startswith(("user:", "item:", "entity:"))
    escaped = "%<:" if relation else "%<"
    plain = lambda c: c.isprintable() and not c.isspace() and c not in escaped  # noqa: E731
    return "".join(c if plain(c) else "".join(f"%{b:02X}" for b in c.encode()) for c in name)


def sampled_paths(run, kg, folder):
    """Several hundred real paths, as lines of words."""
    run("sample", kg, "--out", folder / "corpus", "--hops", "3", "--paths-per-user", "5", "--seed", "3")
    lines = run("export", folder / "corpus", "--kg", kg, "--format", "jsonl").splitlines()
    rows = [json.loads(line) for line in lines[:: max(1, len(lines) // NUM_PATHS)]]
    paths = []
    for row in rows:
        words = [row["nodes"][0]]
        for relation, node in zip(row["relations"], row["nodes"][1:]):
            words += [relation, node]
        paths.append(" ".join(map(word, words)))
    return paths


def generated(model, tokenizer, paths, num_words):
    """Generates from the beginnings of some paths; fails where a word for a user at the beginning comes out. Tells what
    they would have had otherwise."""
    import torch

    prompts = [" ".join(path.split()[:2]) for path in paths[::20]]
    for beams in [1, 4]:
        for prompt in prompts:
            ids = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
            with torch.no_grad():
                out = model.generate(**ids, num_beams=beams)[0, ids["input_ids"].shape[1] :]
            assert len(out) and int(out.max()) < num_words, (prompt, out)
    with torch.no_grad():
        logits = model(**ids).logits[0, :, num_words:]
    return f"users at the beginning have logits from {logits.min():.2f} to {logits.max():.2f}, generated none"


def compare(footpath="footpath"):
    import numpy as np
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    def run(*arguments):
        command = [footpath, *map(str, arguments)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout

    worst = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        kg, file = folder / "kg", folder / "paths.txt"
        run("import", FILMS, "--out", kg)
        paths = sampled_paths(run, kg, folder)
        file.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
        for design, arguments in DESIGNS.items():
            model, exported, again = (folder / f"{design}.{part}" for part in ("model", "hf", "again"))
            run("train", kg, "--out", model, "--paths-per-user", "40", *arguments)
            run("model", "export", model, "--kg", kg, "--out", exported)
            run("model", "import", exported, "--kg", kg, "--hops", "3", "--out", again)
            theirs, tokenizer = AutoModelForCausalLM.from_pretrained(exported), AutoTokenizer.from_pretrained(exported)
            theirs.eval()
            differences, agree, places, met = {model: 0.0, again: 0.0}, 0, 0, 0
            for which in differences:
                command = [footpath, "model", "logits", str(which), "--kg", str(kg), "--paths", str(file), "--json"]
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                    for path, line in zip(paths, process.stdout, strict=True):
                        ours = json.loads(line)
                        ids = tokenizer(path, return_tensors="pt")["input_ids"]
                        words = path.split()
                        assert ids[0, 1:].tolist() == ours["tokens"][1:], (path, ids, ours["tokens"])
                        assert ids[0, 0] == tokenizer.get_vocab()[words[0].replace("user:", "<user>:", 1)], (path, ids)
                        with torch.no_grad():
                            expected = theirs(input_ids=ids).logits[0].numpy()
                        logits = np.array(ours["logits"], dtype=np.float32)
                        expected = expected[:, : logits.shape[1]]  # Words for users at the beginning come last.
                        differences[which] = max(differences[which], float(np.abs(logits - expected).max()))
                        agree += int((logits.argmax(1) == expected.argmax(1)).sum())
                        places += len(words)
                        others = [place for place, w in enumerate(words) if place and w.startswith("user:")]
                        met += len(words) - min(others, default=len(words))
            surplus = generated(theirs, tokenizer, paths, logits.shape[1])
            print(
                f"{design:26} {type(theirs).__name__:16} {len(paths)} paths, greatest difference "
                f"{differences[model]:.1e}, "
                f"of the model imported again {differences[again]:.1e}; same best token at {agree} of {places} places, "
                f"{met} of them after another user; {surplus}",
                flush=True,
            )
            worst = max(worst, *differences.values())
    print(f"greatest difference: {worst:.1e}")
    return 1 if worst > TOLERANCE else 0


# The vocabulary of the small graph that the tests import (tests/hugging_face.rs).
SPECIALS = ["<pad>", "<end>", "<any-user>", "<mask>", "<prefix>", "<suffix>", "<middle>", "<rearranged>"]
WORDS = [
    *SPECIALS,
    *["interacted", "~interacted", "by", "~by"],
    *["user:u%202", "user:u1"],
    *["item:i1", "item:i2", "item:i3", "item:i4"],
    *["entity:e1", "entity:e2"],
]
PATHS = [
    "user:u1 interacted item:i1 by entity:e1 ~by item:i3",
    "user:u%202 interacted item:i4 ~interacted user:u1 interacted item:i2",
    "<any-user> interacted item:i2 by entity:e2",
]


def fixtures():
    import torch
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    small_gpt2 = {"n_positions": 9, "n_embd": 8, "n_layer": 2, "n_head": 2, "activation_function": "gelu_new"}
    small_llama = {
        "max_position_embeddings": 9, "hidden_size": 8, "intermediate_size": 24, "num_hidden_layers": 2,
        "num_attention_heads": 2, "rms_norm_eps": 1e-5,
    }  # fmt: skip

    def gpt2(words):
        return GPT2LMHeadModel(GPT2Config(**common(words), **small_gpt2))

    def llama(words, **more):
        return LlamaForCausalLM(LlamaConfig(**common(words), **small_llama, **more))

    def common(words):
        return {"vocab_size": len(words), "bos_token_id": None, "eos_token_id": 1, "pad_token_id": 0}

    starts = [*WORDS, *[w.replace("user:", "<user>:") for w in WORDS if w.startswith("user:")]]
    made = {
        "gpt2": (gpt2(WORDS), WORDS),
        "llama": (llama(WORDS), WORDS),
        "gpt2-starts": (gpt2(starts), starts),
        "llama-starts": (llama(starts, tie_word_embeddings=True), starts),
    }
    for name, (model, words) in made.items():
        tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        if words is starts:
            tokenizer.normalizer = normalizers.Replace(Regex("\\Auser:"), "<user>:")
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>")
        generator = torch.Generator().manual_seed(7)
        with torch.no_grad():
            # Far from what a new model has, so that every weight, norms and biases among them, shows in the logits.
            for parameter in model.parameters():
                noise = torch.randn(parameter.shape, generator=generator) * 0.4
                parameter.copy_(noise)
            for key, parameter in model.named_parameters():
                if "ln_" in key and key.endswith("weight") or "norm" in key:
                    parameter.add_(1)
        model.eval()
        folder = pathlib.Path(FIXTURES) / name
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        with torch.no_grad():
            logits = [model(**tokenizer(p, return_tensors="pt", return_token_type_ids=False)).logits[0] for p in PATHS]
        logits = [path[:, : len(WORDS)] for path in logits]
        rounded = [[[round(float(z), 6) for z in place] for place in path] for path in logits]
        (folder / "logits.json").write_text(json.dumps({"paths": PATHS, "logits": rounded}) + "\n")
        print(
            f"{folder}: logits from {min(map(torch.Tensor.min, logits)):.2f} to "
            f"{max(map(torch.Tensor.max, logits)):.2f}"
        )
    return 0


if __name__ == "__main__":
    if "--install" in sys.argv:
        install(sys.argv[sys.argv.index("--install") + 1])
    verb, *rest = sys.argv[1:]
    sys.exit({"compare": compare, "fixtures": fixtures}[verb](*rest))
