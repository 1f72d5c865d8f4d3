"""The settings of the tiny families: what they share, what each needs beside, and which cannot be made."""

from typing import Any

SHARED: dict[str, Any] = {
    # width and depth, by their many names
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "emb_dim", "embedding_dim"), 32),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_blocks"), 2),
    **dict.fromkeys(("decoder_layers", "num_decoder_layers", "encoder_layers", "num_encoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("num_encoder_attention_heads", "num_decoder_attention_heads"), 4),
    "num_key_value_heads": 2,
    **dict.fromkeys(("head_dim", "d_head", "dim_head", "kv_channels"), 8),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "decoder_ffn_dim", "encoder_ffn_dim", "d_inner"), 48),
    **dict.fromkeys(("dff", "dim_ff", "n_inner", "ffn_hidden_size", "intermediate_size_mlp"), 48),
    **dict.fromkeys(("feed_forward_size", "dense_intermediate_size"), 48),
    # experts: four, two asked
    **dict.fromkeys(("moe_intermediate_size", "expert_ffn_hidden_size", "shared_intermediate_size"), 16),
    **dict.fromkeys(("shared_expert_intermediate_size", "shared_experts_intermediate_size"), 16),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k"), 2),
    **dict.fromkeys(("n_shared_experts", "num_shared_experts", "moe_num_shared_experts"), 1),
    **dict.fromkeys(("n_group", "topk_group", "num_expert_group"), 1),
    **dict.fromkeys(("first_k_dense_replace", "num_dense_layers"), 1),
    # latent attention and its index
    **dict.fromkeys(("kv_lora_rank", "q_lora_rank", "v_head_dim", "index_head_dim"), 8),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "index_topk"), 4),
    "index_n_heads": 16,  # with few, several places get an index of exactly 0, and which are taken is chance
    # states instead of attention
    **dict.fromkeys(("mamba_d_state", "state_size", "mamba_n_heads", "mamba_d_head", "ssm_state_size"), 8),
    **dict.fromkeys(("mamba_num_heads", "mamba_head_dim", "mamba_chunk_size", "chunk_size"), 8),
    **dict.fromkeys(("mamba_dt_rank", "time_step_rank", "linear_num_value_heads", "linear_num_heads"), 4),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim", "linear_head_dim"), 8),
    **dict.fromkeys(("linear_num_key_heads", "mamba_n_groups", "n_groups"), 2),
    # places: a window shorter than the text, and more room than any text here
    "sliding_window": 6,
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"), 128),
    **dict.fromkeys(("model_max_length", "max_target_positions", "context_length"), 128),
    **dict.fromkeys(("initializer_range", "init_std", "embed_init_std"), 0.2),
    # towers for pictures and sounds, which no text passes
    **dict.fromkeys(("image_size", "patch_size"), 8),
}

SLIDING_AND_FULL: dict[str, Any] = {"layer_types": ["sliding_attention", "full_attention"]}
LINEAR_AND_FULL: dict[str, Any] = {"layer_types": ["linear_attention", "full_attention"]}
DENSE_AND_SPARSE: dict[str, Any] = {"mlp_layer_types": ["dense", "sparse"]}
LATENT: dict[str, Any] = {
    "num_key_value_heads": 4,
    "head_dim": 4,
}  # the turned part of a latent head is its head_dim
PLACES_AFTER_PADDING: dict[str, Any] = {
    "max_position_embeddings": 400
}  # places are counted from the padding's id on
MULTIPLIERS: dict[str, Any] = {
    "embedding_multiplier": 2.0,
    "logits_scaling": 2.0,
    "residual_multiplier": 0.5,
    "attention_multiplier": 0.5,
}
GEMMA3: dict[str, Any] = {**SLIDING_AND_FULL, "query_pre_attn_scalar": 8}
GEMMA4: dict[str, Any] = {**SLIDING_AND_FULL, "hidden_size_per_layer_input": 8, "global_head_dim": 16}
GEMMA4_UNIFIED: dict[str, Any] = {**SLIDING_AND_FULL, "global_head_dim": 16}
LLAMA4: dict[str, Any] = {
    "layer_types": ["chunked_attention", "full_attention"],
    "no_rope_layers": [1, 0],
    "attention_chunk_size": 6,
    "floor_scale": 4,
    "moe_layers": [1],
}
QWEN_VISION: dict[str, Any] = {"depth": 1, "out_hidden_size": 32, "num_position_embeddings": 16}
DOTS3: dict[str, Any] = {
    "layer_types": ["indexed_attention", "sliding_attention"],
    "num_key_value_heads": 4,
    "per_layer_config": {1: {"num_attention_heads": 2, "num_key_value_heads": 2, "kv_lora_rank": 16}},
    **DENSE_AND_SPARSE,
}
INKLING: dict[str, Any] = {
    "layer_types": ["hybrid_sliding", "hybrid"],
    "swa_num_attention_heads": 4,
    "swa_num_key_value_heads": 2,
    "swa_head_dim": 8,
    "sliding_window_size": 6,
    "d_rel": 4,
    "rel_extent": 16,
    "log_scaling_n_floor": 8,
    "unpadded_vocab_size": 264,
}
QWEN4: dict[str, Any] = {
    "layer_types": ["linear_attention", "indexed_attention"],
    "hc_lowrank": 4,
    "ple_layer_ids": [1],
    "ple_embed_dim": 8,
    "heads_per_ngram": 2,
    "ngram_vocab_size_base": 50,
    "make_ngram_vocab_size_divisible_by": 8,
    "split_ngram_parts": 1,
    "indexer_n_heads": 16,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 8,
    "indexer_budget": 4,
    "indexer_compress_ratio": 2,
}

# Families that read the whole text unless they are told to be a decoder, and how each is told
READS_AHEAD: dict[str, dict[str, Any]] = {
    **{
        family: {"is_decoder": True}
        for family in (
            *(
                "bert",
                "bert-generation",
                "electra",
                "ernie",
                "megatron-bert",
                "rembert",
                "roc_bert",
                "roformer",
            ),
            *(
                "camembert",
                "data2vec-text",
                "roberta",
                "roberta-prelayernorm",
                "xlm-roberta",
                "xlm-roberta-xl",
            ),
            *("xmod", "big_bird"),
        )
    },
    "xlm": {"causal": True},
    "xlnet": {"attn_type": "uni"},
}

OWN: dict[str, dict[str, Any]] = {
    "afmoe": SLIDING_AND_FULL,
    "axk1": LATENT,
    "axk2": {**LATENT, "gated_norm_rank": 4},
    "bailing_hybrid": {**LINEAR_AND_FULL, **LATENT, **DENSE_AND_SPARSE},
    "bamba": {"attn_layer_indices": [1]},
    "beam": DENSE_AND_SPARSE,
    "big_bird": {"attention_type": "original_full"},
    "blt": {
        "use_cache": False,
        "encoder_hash_byte_group_vocab": 50,
        "encoder_config": {"hidden_size_global": 32, "num_key_value_heads": 4},
        "decoder_config": {"hidden_size_global": 32, "num_key_value_heads": 4},
        "global_config": {"num_key_value_heads": 4},
        "patcher_config": {"num_key_value_heads": 4},
    },
    **dict.fromkeys(("camembert", "data2vec-text", "roberta", "roberta-prelayernorm"), PLACES_AFTER_PADDING),
    **dict.fromkeys(("xlm-roberta", "xlm-roberta-xl", "xglm"), PLACES_AFTER_PADDING),
    "codegen": {"rotary_dim": 4},
    "cohere": {"logit_scale": 0.5},
    "cohere2": {"logit_scale": 0.5, **SLIDING_AND_FULL},
    "cohere2_moe": {"logit_scale": 0.5, **SLIDING_AND_FULL, **DENSE_AND_SPARSE},
    "cohere_compass_text": {
        **SLIDING_AND_FULL,
        "logit_scale": 0.5,
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
            "full_attention": {"rope_type": "default", "rope_theta": 10000.0},
        },
    },
    "dbrx": {
        "attn_config": {"rope_theta": 10000.0, "kv_n_heads": 2, "clip_qkv": 8.0},
        "ffn_config": {"moe_top_k": 2},
    },
    "deepseek_v2": LATENT,
    "deepseek_v3": LATENT,
    "deepseek_v32": LATENT,
    "deepseek_v4": {
        "layer_types": ["heavily_compressed_attention", "compressed_sparse_attention"],
        "mlp_layer_types": ["hash_moe", "moe"],
        "compress_rates": {"compressed_sparse_attention": 2, "heavily_compressed_attention": 4},
        "partial_rotary_factor": 0.5,
        "o_groups": 2,
        "o_lora_rank": 4,
        "num_key_value_heads": 1,
    },
    "dots3_note": {
        "text_config": DOTS3,
        "vision_config": {"mlp_layer_types": ["dense", "dense"], "adapter_in_dim": 32, "adapter_out_dim": 32},
        "audio_config": {
            "adapter_input_size": 32,
            "adapter_out_dim": 32,
            "downsample_hidden_size": 8,
            "feature_size": 8,
        },
    },
    "dots3_note_text": DOTS3,
    "electra": {"embedding_size": 16},
    "exaone4": SLIDING_AND_FULL,
    "exaone_moe": {**SLIDING_AND_FULL, **DENSE_AND_SPARSE},
    "falcon": {"num_kv_heads": 2},
    "falcon_h1": {
        "mamba_d_ssm": 64,
        "lm_head_multiplier": 0.5,
        "embedding_multiplier": 2.0,
        "key_multiplier": 0.5,
        "ssm_multipliers": [0.5, 0.6, 0.7, 0.8, 0.9],
    },
    "flint": {"layer_types": ["full_attention", "sliding_attention"], "mlp_only_layers": [0]},
    "gemma3": {"text_config": GEMMA3},
    "gemma3_text": GEMMA3,
    "gemma3n_text": {
        "num_hidden_layers": 4,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "num_kv_shared_layers": 2,
        "hidden_size_per_layer_input": 8,
        "laurel_rank": 4,
        "activation_sparsity_pattern": [0.5, 0.0, 0.0, 0.0],
    },
    "gemma4": {
        "text_config": GEMMA4,
        "vision_config": {"position_embedding_size": 16},
        "audio_config": {"output_proj_dims": 32, "subsampling_conv_channels": [8, 4]},
    },
    "gemma4_text": GEMMA4,
    "gemma4_unified": {
        "text_config": GEMMA4_UNIFIED,
        "vision_config": {"patch_size": 2, "mm_embed_dim": 32, "mm_posemb_size": 8, "output_proj_dims": 32},
        "audio_config": {"audio_embed_dim": 32},
    },
    "gemma4_unified_text": GEMMA4_UNIFIED,
    "glm4_moe_lite": LATENT,
    "glm_moe_dsa": LATENT,
    "got_ocr2": {"vision_config": {"output_channels": 8, "mlp_dim": 48, "global_attn_indexes": [1]}},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 6},
    "gptj": {"rotary_dim": 4},
    "granite": MULTIPLIERS,
    "granite_swa": MULTIPLIERS,
    "granitemoe": MULTIPLIERS,
    "granitemoe_swa": MULTIPLIERS,
    "granitemoehybrid": {**MULTIPLIERS, **LINEAR_AND_FULL},
    "granitemoeshared": MULTIPLIERS,
    "hrm_text": {"num_hidden_layers": 1, "H_cycles": 2, "L_cycles": 1},
    "hy_v4": {**LATENT, "indexer_types": ["full", "shared"]},
    "hyperclovax": MULTIPLIERS,
    "inkling2_text": INKLING,
    "inkling_text": {**INKLING, **DENSE_AND_SPARSE, "logits_mup_width_multiplier": 2.0},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "use_mamba_kernels": False},
    "kimi_linear": {**LINEAR_AND_FULL, **LATENT, **DENSE_AND_SPARSE},
    "kolibri1": SLIDING_AND_FULL,
    "laguna": {
        "layer_types": ["full_attention", "sliding_attention"],
        "num_attention_heads_per_layer": [4, 4],
    },
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "lfm3": {"num_hidden_layers": 3, "layer_types": ["conv", "full_attention", "sliding_attention"]},
    "llama4": {"text_config": LLAMA4},
    "llama4_text": LLAMA4,
    "longcat_flash": {**LATENT, "zero_expert_num": 2},
    "mamba2": {"num_heads": 8},
    "mellum": {"layer_types": ["full_attention", "sliding_attention"]},
    "minicpm3": {**LATENT, "dim_model_base": 16},
    "mllama": {"text_config": {"cross_attention_layers": [1]}},
    "nemotron_h": {"moe_shared_expert_intermediate_size": 16},
    "olmo3": SLIDING_AND_FULL,
    "phi4_multimodal": {
        "audio_config": {
            "ext_pw_out_channel": 32,
            "depthwise_separable_out_channel": 32,
            "nemo_conv_channels": 8,
            "bias_max_distance": 8,
        }
    },
    "prophetnet": PLACES_AFTER_PADDING,
    "qwen3_5": {"text_config": LINEAR_AND_FULL, "vision_config": QWEN_VISION},
    "qwen3_5_moe": {"text_config": LINEAR_AND_FULL, "vision_config": QWEN_VISION},
    "qwen3_5_moe_text": LINEAR_AND_FULL,
    "qwen3_5_text": LINEAR_AND_FULL,
    "qwen3_next": LINEAR_AND_FULL,
    "qwen4_exp": {"text_config": QWEN4, "vision_config": QWEN_VISION},
    "qwen4_exp_text": QWEN4,
    "recurrent_gemma": {
        "block_types": ["recurrent", "attention"],
        "attention_window_size": 6,
        "lru_width": 32,
    },
    "reformer": {
        "is_decoder": True,
        "attention_head_size": 8,
        "attn_layers": ["local", "lsh"],
        "axial_pos_shape": [8, 16],
        "axial_pos_embds_dim": [16, 16],
        "local_attn_chunk_length": 4,
        "lsh_attn_chunk_length": 4,
        "num_buckets": 4,
        "hash_seed": 0,
    },
    "rembert": {"input_embedding_size": 16, "output_embedding_size": 24},
    "roc_bert": {
        "pronunciation_embed_dim": 8,
        "pronunciation_vocab_size": 264,
        "shape_embed_dim": 8,
        "shape_vocab_size": 264,
    },
    "roformer": {"embedding_size": 16},
    "rwkv": {"attention_hidden_size": 32},
    "smollm3": {"no_rope_layers": [1, 0]},
    "xlstm": {"hidden_size": 64, "embedding_dim": 64, "qk_dim_factor": 1.0},
    "xmod": {**PLACES_AFTER_PADDING, "default_language": "en_XX"},
    "youtu": LATENT,
    "zamba": {
        "num_hidden_layers": 4,
        "layers_block_type": ["linear_attention", "hybrid"] * 2,
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "use_mamba_kernels": False,
    },
    "zamba2": {
        "num_hidden_layers": 4,
        "layers_block_type": ["linear_attention", "hybrid"] * 2,
        "hybrid_layer_ids": [1, 3],
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "mamba_headdim": 8,
        "adapter_rank": 4,
        "num_query_groups": 2,
        "use_mamba_kernels": False,
    },
    "zaya": {
        "num_experts_per_tok": 1,
        "layer_types": ["hybrid", "hybrid_sliding"],
        "sliding_window": 6,
        "router_hidden_size": 8,
    },
}
OWN |= {family: {**OWN.get(family, {}), **told} for family, told in READS_AHEAD.items()}

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "falcon, with ALiBi": ("falcon", {"alibi": True}),
    "falcon, the new architecture": ("falcon", {"new_decoder_architecture": True}),
    "qwen2, a window in one layer": (
        "qwen2",
        {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1},
    ),
    "phi3, with a window": ("phi3", {"sliding_window": 6}),
    "doge, a short window": ("doge", {"keep_window_size": 6}),
    "doge, with experts": ("doge", {"is_moe": True}),
    "gemma4_text, with experts": ("gemma4_text", {"enable_moe_block": True, "top_k_experts": 2}),
    **{
        f"{family}, not a decoder": (family, {k: "bi" if v == "uni" else False for k, v in told.items()})
        for family, told in READS_AHEAD.items()
    },
}

DRAFTS = (
    "it drafts for another model, whose keys it reads, and this release of transformers cannot build it alone"
)
SOUNDS = (
    "its config is that of three models in one, from which its decoder, which writes sound, cannot be made"
)
LEFT_OUT: dict[str, str] = {
    "gemma3n": "its tower for pictures is timm's, which is not installed; its text model is gemma3n_text",
    "gemma4_assistant": DRAFTS,
    "gemma4_unified_assistant": DRAFTS,
    "musicgen": SOUNDS,
    "musicgen_melody": SOUNDS,
}
