// Every configuration's fields once, for all directions: visit(name, field) for each of them, in the order of
// config.json. `Config` may be const.
#pragma once

#include "kvmem/train/config.hpp"

#include <concepts>
#include <type_traits>

namespace kvmem {

template <class Config, class Visit>
requires std::same_as<std::remove_const_t<Config>, KvMemNNConfig>
void fields_of(Config& c, Visit visit) {
    visit("width", c.width);
    visit("hops", c.hops);
    visit("tying", c.tying);
    visit("bag_scale", c.bag_scale);
    visit("init", c.deviation);
    visit("negatives", c.negatives);
    visit("word_dropout", c.word_dropout);
    visit("match", c.match);
    visit("train_entities", c.train_entities);
    visit("retrieval", c.retriever.strategy);
    visit("hash_entities_only", c.retriever.entities_only);
    visit("max_frequency", c.retriever.max_frequency);
    visit("max_slots", c.retriever.max_slots);
    visit("seed", c.seed);
}

template <class Config, class Visit>
requires std::same_as<std::remove_const_t<Config>, MemN2NConfig>
void fields_of(Config& c, Visit visit) {
    visit("width", c.width);
    visit("hops", c.hops);
    visit("memory", c.memory);
    visit("tying", c.tying);
    visit("encoding", c.encoding);
    visit("sentence", c.sentence);
    visit("temporal", c.temporal);
    visit("empty_slots", c.empty_slots);
    visit("random_noise", c.random_noise);
    visit("linear_start", c.linear_start);
    visit("linear_map", c.linear_map);
    visit("relu", c.relu);
    visit("init", c.deviation);
    visit("seed", c.seed);
}

template <class Config, class Visit>
requires std::same_as<std::remove_const_t<Config>, MemoryTransformerConfig>
void fields_of(Config& c, Visit visit) {
    visit("width", c.width);
    visit("heads", c.heads);
    visit("hops", c.hops);
    visit("share_hops", c.share_hops);
    visit("inner", c.inner);
    visit("longest", c.longest);
    visit("dropout", c.dropout);
    visit("seed", c.seed);
}

template <class Config, class Visit>
requires std::same_as<std::remove_const_t<Config>, PathReaderConfig>
void fields_of(Config& c, Visit visit) {
    visit("width", c.width);
    visit("hops", c.hops);
    visit("spellings", c.spellings);
    visit("word_dropout", c.word_dropout);
    visit("word_deletion", c.word_deletion);
    visit("dropout", c.dropout);
    visit("least", c.least);
    visit("seed", c.seed);
}

template <class Config, class Visit>
requires std::same_as<std::remove_const_t<Config>, QueryReductionConfig>
void fields_of(Config& c, Visit visit) {
    visit("width", c.width);
    visit("hops", c.hops);
    visit("share_hops", c.share_hops);
    visit("chain", c.chain);
    visit("longest", c.longest);
    visit("places", c.places);
    visit("dropout", c.dropout);
    visit("seed", c.seed);
}

// All but the model's and the training's, which are objects of their own.
template <class Config, class Visit>
requires std::same_as<std::remove_const_t<Config>, RunConfig>
void fields_of(Config& c, Visit visit) {
    visit("data", c.data);
    visit("data_hash", c.data_hash);
    visit("tasks", c.tasks);
    visit("runs", c.runs);
    visit("per_task", c.per_task);
}

template <class Config, class Visit>
requires std::same_as<std::remove_const_t<Config>, TrainerOptions>
void fields_of(Config& c, Visit visit) {
    visit("epochs", c.epochs);
    visit("batch", c.batch);
    visit("shards", c.shards);
    visit("optimizer", c.optimizer.method);
    visit("beta1", c.optimizer.beta1);
    visit("beta2", c.optimizer.beta2);
    visit("epsilon", c.optimizer.epsilon);
    visit("clip", c.optimizer.clip_norm);
    visit("sum_losses", c.sum_losses);
    visit("rate", c.schedule.rate);
    visit("warmup", c.schedule.warmup);
    visit("decay", c.schedule.decay);
    visit("halve_every", c.schedule.halve_every);
    visit("start_epochs", c.start_epochs);
    visit("start_patience", c.start_patience);
    visit("start_rate", c.start_rate);
    visit("patience", c.patience);
    visit("max_seconds", c.max_seconds);
    visit("target_metric", c.target_metric);
    visit("check_nan", c.check_nan);
    visit("save_seconds", c.save_seconds);
    visit("balance", c.balance);
    visit("focus", c.focus);
    visit("seed", c.seed);
}

template <class State, class Visit>
requires std::same_as<std::remove_const_t<State>, TrainerState>
void fields_of(State& s, Visit visit) {
    visit("epoch", s.epoch);
    visit("step", s.step);
    visit("loss", s.loss);
    visit("optimizer_steps", s.optimizer_steps);
    visit("best", s.best);
    visit("best_epoch", s.best_epoch);
    visit("epochs_without_improvement", s.epochs_without_improvement);
    visit("seconds", s.seconds);
    visit("phase", s.phase);
    visit("phase_epoch", s.phase_epoch);
    visit("lowest_loss", s.lowest_loss);
    visit("lowest_epoch", s.lowest_epoch);
    visit("wrong", s.wrong);
    visit("gradient_norm", s.gradient_norm);
}

}  // namespace kvmem
