#include "cases.hpp"

#include <numeric>

#include "decode_data.hpp"
#include "recurrent_data.hpp"

namespace bench {

namespace {

// Products of a row of keys or values with a row of queries: the pairs of query and slot that meet.
double pairs(const Case& c) {
    const auto q = static_cast<double>(c.queries), s = static_cast<double>(c.slots);
    const double each = c.causal ? q * (s - q) + q * (q + 1) / 2 : q * s;
    return static_cast<double>(c.batch * c.heads) * each;
}

// Two products forward; backward another five, as the weights are made again.
double flops(const Case& c) { return pairs(c) * static_cast<double>(c.width) * 2 * (c.backward ? 7 : 2); }

// Keys and values once.
double bytes(const Case& c) {
    return static_cast<double>(c.batch * c.heads * c.slots * c.width) * 2 * (c.bf16 ? 2 : sizeof(float));
}

std::string shape_of(const Case& c) {
    const auto text = [](Index i) { return std::to_string(i); };
    const std::string memory = text(c.queries) + "x" + text(c.slots) + "x" + text(c.width);
    return c.heads == 1 && c.batch == 1 ? memory : text(c.batch) + "x" + text(c.heads) + "x" + memory;
}

Job attention(const std::string& what, Case c, Unit unit = Unit::flops) {
    return {what + " " + shape_of(c), c, unit, unit == Unit::bytes ? bytes(c) : flops(c)};
}

Job training(const std::string& name, const std::string& kind, Case c) {
    c.kind = kind;
    return {name, c, Unit::examples, static_cast<double>(c.batch)};
}

Case square(Index batch, Index length) {
    Case c;
    c.batch = batch, c.heads = 8, c.queries = length, c.slots = length, c.width = 64;
    return c;
}
Case memory(Index queries, Index slots, Index width) {
    Case c;
    c.queries = queries, c.slots = slots, c.width = width;
    return c;
}
Case one_query_each(Index batch, Index slots, Index width) {
    Case c = memory(1, slots, width);
    c.batch = batch;
    return c;
}
Case sequences(const std::string& kind, Index batch, Index length) {
    Case c;
    c.kind = kind, c.batch = batch, c.slots = length, c.width = 256;
    return c;
}
// The products of input and state with their weights; backward each has two.
Job recurrent(const std::string& name, const Case& c) {
    const std::vector<Index> lengths = RecurrentData::lengths_of(c);
    const double rows = std::accumulate(lengths.begin(), lengths.end(), 0.0), gates = c.kind.front() == 'l' ? 4 : 3;
    const auto width = static_cast<double>(c.width);
    return {name, c, Unit::flops, rows * gates * width * width * 2 * 2 * (c.backward ? 3 : 1)};
}
Case translation(Index beam) {
    Case c;
    c.kind = "decode", c.batch = 128, c.heads = 4, c.queries = beam, c.slots = 8, c.width = 256;
    return c;
}
// Tokens of one text.
Job text(const std::string& name, bool bf16) {
    Case c;
    c.kind = "decode-text", c.heads = 12, c.slots = 16, c.width = 768, c.bf16 = bf16;
    return {name, c, Unit::bytes, DecodeData::bytes(c) * static_cast<double>(c.slots)};
}
Case causal(Case c) { return c.causal = 1, c; }
Case backward(Case c) { return c.backward = 1, c; }
Case bf16(Case c) { return c.bf16 = 1, c; }

}  // namespace

std::vector<Job> attention_jobs(bool quick) {
    const auto large = [&](Index size) { return quick ? size / 4 : size; };
    const Index length = large(4096), some = large(100'000), many = large(1'000'000);
    std::vector<Job> jobs{
        attention("forward", square(8, 512)),
        attention("forward", square(32, 128)),
        attention("forward", square(1, length)),
        attention("forward causal", causal(square(1, length))),
        attention("forward + backward", backward(square(8, 512))),
        attention("forward + backward", backward(square(32, 128))),
        attention("shared memory", memory(32, some, 128)),
        attention("one query", memory(1, some, 128), Unit::bytes),
        attention("one query", memory(1, many, 64), Unit::bytes),
        attention("one query, bf16 memory", bf16(memory(1, some, 128)), Unit::bytes),
        attention("one query, bf16 memory", bf16(memory(1, many, 64)), Unit::bytes),
        attention("hop, forward + backward", backward(one_query_each(32, 50, 32))),
        attention("memory taken", square(1, length / 2), Unit::memory),
        attention("memory taken", square(1, length), Unit::memory),
    };
    const std::vector<Job> trained = training_jobs();
    jobs.insert(jobs.end(), trained.begin(), trained.end());
    return jobs;
}

std::vector<Job> training_jobs() {
    Case encoder = square(16, 128), words;
    encoder.width = 512;  // of the layer
    words.batch = 128, words.width = 256;
    return {
        training("train MemN2N", "memn2n", one_query_each(32, 50, 20)),
        training("train KV-MemNN, 100 slots", "kvmemnn", one_query_each(32, 100, 128)),
        training("train KV-MemNN, 1000 slots", "kvmemnn", one_query_each(32, 1000, 128)),
        training("train encoder layer 16x128x512", "encoder", encoder),
        training("train attention LSTM 256, 128 words", "seq2seq", words),
        training("train Transformer 4+4x256, 128 words", "transformer", words),
    };
}

std::vector<Job> recurrent_jobs() {
    const Case batch = sequences("lstm", 32, 50), words = sequences("lstm-words", 128, 20);
    const Case one = sequences("lstm", 1, 50), gru = sequences("gru", 32, 50),
               gru_words = sequences("gru-words", 128, 20);
    return {
        recurrent("LSTM 32x50x256 forward", batch),
        recurrent("LSTM 32x50x256 forward + backward", backward(batch)),
        recurrent("LSTM 128 words x256 forward + backward", backward(words)),
        recurrent("LSTM 1x50x256 forward", one),
        recurrent("GRU 32x50x256 forward", gru),
        recurrent("GRU 32x50x256 forward + backward", backward(gru)),
        recurrent("GRU 128 words x256 forward + backward", backward(gru_words)),
    };
}

std::vector<Job> decode_jobs() {
    const auto lines = [](const std::string& name, const Case& c) {
        return Job{name, c, Unit::examples, static_cast<double>(c.batch)};
    };
    return {
        lines("Transformer 4+4x256, greedy", translation(1)),
        lines("Transformer 4+4x256, beam 5", translation(5)),
        lines("Transformer 4+4x256, greedy, peers without cache", causal(translation(1))),
        lines("Transformer 4+4x256, beam 5, peers without cache", causal(translation(5))),
        text("language model 6x768, 16 tokens of a text", false),
        text("language model 6x768, 16 tokens of a text, bf16 weights", true),
    };
}

}  // namespace bench
