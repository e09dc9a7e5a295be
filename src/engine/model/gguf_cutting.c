#include "engine/model/gguf_cutting.h"

/* How the byte-level families cut text before BPE: the parts of the tokenizer.json files of the
 * models that llama.cpp's names stand for (llama.cpp, src/llama-vocab.cpp has the same as
 * patterns). "default" is llama.cpp's own. */
#define SPLIT(pattern)                                      \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" pattern \
    "\"},\"behavior\":\"Isolated\",\"invert\":false},"
#define SEQUENCE(items) "{\"type\":\"Sequence\",\"pretokenizers\":[" items "]}"
#define DIGITS          "{\"type\":\"Digits\",\"individual_digits\":true},"
#define LLAMA3_PATTERN(digits)                                                             \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}" digits \
    "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define TEKKEN_WORD(first, rest)                                                         \
    "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]" first \
    "[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]" rest "|"
#define TEKKEN_PATTERN    \
    TEKKEN_WORD("*", "+") \
    TEKKEN_WORD("+", "*") \
    "\\\\p{N}| "          \
    "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define GPT2_PATTERN                                                                              \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)" \
    "|\\\\s+"
/* clang-format off */
#define LETTERS \
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅ" \
    "Ὀ-Ὅὐ-ὗὙὛὝὟ-\\u1f7dᾀ-ᾴᾶ-ᾼ\\u1fbeῂ-ῄῆ-ῌῐ-\\u1fd3ῖ-\\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\\u2126ℨ" \
    "\\u212a-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
/* clang-format on */
#define CJK "[一-龥ࠀ-一가-퟿]+"

const vs_gguf_cutting vs_gguf_cuttings[] = {
    {.name = "gpt-2", .pre_tokenizer = BYTE_LEVEL("true")},
    {.name = "smollm", .pre_tokenizer = SEQUENCE(DIGITS BYTE_LEVEL("true"))},
    {.name = "starcoder", .pre_tokenizer = SEQUENCE(DIGITS BYTE_LEVEL("true"))},
    {.name = "llama-bpe",
     .pre_tokenizer = SEQUENCE(SPLIT(LLAMA3_PATTERN("{1,3}")) BYTE_LEVEL("false")),
     .ignore_merges = true,
     .adds_bos = true},
    {.name = "qwen2",
     .pre_tokenizer = SEQUENCE(SPLIT(LLAMA3_PATTERN("")) BYTE_LEVEL("false")),
     .is_nfc = true},
    {.name = "deepseek-r1-qwen",
     .pre_tokenizer = SEQUENCE(SPLIT(LLAMA3_PATTERN("")) BYTE_LEVEL("false"))},
    {.name = "tekken",
     .pre_tokenizer = SEQUENCE(SPLIT(TEKKEN_PATTERN) BYTE_LEVEL("false")),
     .ignore_merges = true,
     .adds_bos = true},
    {.name = "deepseek-llm",
     .pre_tokenizer = SEQUENCE(SPLIT("[\\r\\n]") SPLIT("\\\\s?[" LETTERS "]+")
                                   SPLIT("\\\\s?[!-/:-~！-／：-～‘-‟　-。]+") SPLIT("\\\\s+$")
                                       SPLIT(CJK) DIGITS BYTE_LEVEL("false"))},
    {.name = "deepseek-coder",
     .pre_tokenizer = SEQUENCE(SPLIT("[\\r\\n]") SPLIT("\\\\s?\\\\p{L}+") SPLIT("\\\\s?\\\\p{P}+")
                                   SPLIT(CJK) DIGITS BYTE_LEVEL("false"))},
    {.name = "default",
     .pre_tokenizer = SEQUENCE(SPLIT("[\\\\p{P}\\\\$\\\\+<=>\\\\^~\\\\|]+") SPLIT(
         GPT2_PATTERN) SPLIT("\\\\p{N}+") SPLIT("[0-9][0-9][0-9]") BYTE_LEVEL("false"))},
};
const size_t vs_gguf_n_cuttings = sizeof vs_gguf_cuttings / sizeof *vs_gguf_cuttings;
