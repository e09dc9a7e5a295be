"""Makes the model that every peer runs: random weights at a real shape, drawn from a fixed seed.

    DIR/venv/bin/python model.py 135m|tiny OUT

OUT gets config.json and model.safetensors (bf16; torch and vstar read these) and the same weights as
f32.gguf and bf16.gguf (llama.cpp reads these); OUT-f32 the weights before they were rounded to bf16.
There is no tokenizer: every peer is given token ids, and the GGUF files say "no_vocab".
"""
import sys
from pathlib import Path

import gguf
import torch
from transformers import LlamaConfig, LlamaForCausalLM

SHAPES = {
    "135m": dict(num_hidden_layers=30, hidden_size=576, num_attention_heads=9, num_key_value_heads=3,
                 intermediate_size=1536, vocab_size=49152),
    "tiny": dict(num_hidden_layers=4, hidden_size=128, num_attention_heads=4, num_key_value_heads=2,
                 intermediate_size=384, vocab_size=6400),
}


def make(shape, out):
    torch.manual_seed(1)
    config = LlamaConfig(**SHAPES[shape], max_position_embeddings=2048, tie_word_embeddings=True,
                         rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": 1e5})
    model = LlamaForCausalLM(config)
    model.save_pretrained(f"{out}-f32")
    model = model.to(torch.bfloat16)
    model.save_pretrained(out)
    return model


def interleave(weight, heads):
    """Rows of q and k in llama.cpp's order: it rotates neighbours, transformers rotates halves."""
    return weight.view(heads, 2, -1, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def write_gguf(model, path, dtype):
    c = model.config
    w = gguf.GGUFWriter(path, "llama")
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_block_count(c.num_hidden_layers)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    w.add_rope_dimension_count(c.hidden_size // c.num_attention_heads)
    w.add_rope_freq_base(c.rope_parameters["rope_theta"])
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_vocab_size(c.vocab_size)
    w.add_tokenizer_model("no_vocab")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, c.num_hidden_layers)
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight":  # tied: llama.cpp takes the embedding
            continue
        if "q_proj" in name:
            weight = interleave(weight, c.num_attention_heads)
        if "k_proj" in name:
            weight = interleave(weight, c.num_key_value_heads)
        stored = dtype if weight.dim() == 2 else gguf.GGMLQuantizationType.F32
        data = gguf.quants.quantize(weight.float().numpy(), stored)
        w.add_tensor(names.get_name(name, try_suffixes=(".weight",)), data, raw_dtype=stored)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    shape, out = sys.argv[1], Path(sys.argv[2])
    model = make(shape, out)
    write_gguf(model, out / "f32.gguf", gguf.GGMLQuantizationType.F32)
    write_gguf(model, out / "bf16.gguf", gguf.GGMLQuantizationType.BF16)
