// kvmem train DATA --run DIRECTORY: training with live progress, and going on with a run.
#include "kvmem/core/parallel.hpp"
#include "kvmem/train/session.hpp"
#include "program.hpp"

#include <cmath>
#include <iostream>
#include <sstream>

namespace kvmem::apps {

static const char* const about =
    "Trains a key-value memory network (Miller et al. 2016) on the data set's training split, keeps what is best on\n"
    "its validation split, and leaves everything in the run directory. SIGINT or SIGTERM saves and stops; --resume\n"
    "goes on with the same bits as if nothing had happened. The result does not depend on the number of threads.";

static std::string describe(const StepReport& r) {
    std::ostringstream line;
    char rate[32], loss[32];
    std::snprintf(rate, sizeof rate, "%.1e", r.rate);
    std::snprintf(loss, sizeof loss, "%.3f", r.loss);
    line << "epoch " << r.epoch << "/" << r.epochs << "  step " << r.step << "/" << r.steps << "  loss " << loss;
    if (r.best >= 0) line << "  best hits@1 " << percent(r.best);
    line << "  lr " << rate << "  " << short_number(r.examples_per_second) << " ex/s  ETA " << minutes(r.seconds_left);
    return line.str();
}

static std::string describe(const EpochReport& r) {
    std::ostringstream line;
    char loss[32];
    std::snprintf(loss, sizeof loss, "%.3f", r.loss);
    line << "epoch " << r.epoch << "  loss " << loss;
    if (r.validated) line << "  hits@1 " << percent(r.metrics.hits_at_1) << (r.improved ? " *" : "  ");
    line << "  " << minutes(r.seconds);
    return line.str();
}

static TrainingSession open_session(const po::variables_map& values, const RunConfig& config) {
    const std::string directory = required(values, "run", "the run directory");
    if (!values.count("resume")) return TrainingSession::begin(directory, config);
    for (const auto& [name, value] : values)
        if (!value.defaulted() && name != "run" && name != "resume" && name != "epochs" && name != "threads" &&
            name != "help")
            throw UsageError({.what = "a resumed run keeps its settings",
                              .expected = "none but --epochs and --threads",
                              .got = "--" + name,
                              .where = {},
                              .hint = "they are in config.json"});
    return TrainingSession::resume(directory, values["epochs"].defaulted() ? 0 : config.trainer.epochs);
}

int run_train(const Arguments& arguments) {
    RunConfig config;
    KvMemNNConfig& model = config.model;
    TrainerOptions& trainer = config.trainer;
    trainer.schedule = {.rate = 5e-3, .warmup = 0, .decay = Decay::linear};
    std::string tying = name_of(model.tying), bag = name_of(model.bag_scale),
                method = name_of(trainer.optimizer.method), decay = name_of(trainer.schedule.decay);
    int threads = 0;
    bool hash_words = false;
    CommandLine line{.usage = "kvmem train DATA --run DIRECTORY [options]\n       kvmem train --resume --run DIRECTORY",
                     .about = about,
                     .positional = {"data"}};
    line.options.add_options()                                                                     //
        ("run,r", po::value<std::string>(), "the run directory, to make")                          //
        ("resume", "go on with the run that is there")                                             //
        ("threads", po::value(&threads)->default_value(0), "0: one for each core")                 //
        ("seed", po::value(&trainer.seed)->default_value(trainer.seed), "of every random choice")  //
        ("epochs", po::value(&trainer.epochs)->default_value(trainer.epochs),
         "passes over the training split, at most")                                                                  //
        ("batch", po::value(&trainer.batch)->default_value(trainer.batch), "questions in a step")                    //
        ("shards", po::value(&trainer.shards)->default_value(trainer.shards), "parts of a batch that run at once")   //
        ("optimizer", po::value(&method)->default_value(method), "sgd, adagrad or adam")                             //
        ("rate", po::value(&trainer.schedule.rate)->default_value(trainer.schedule.rate, "0.005"), "learning rate")  //
        ("decay", po::value(&decay)->default_value(decay), "of the rate: constant, linear or cosine")                //
        ("warmup", po::value(&trainer.schedule.warmup)->default_value(0, "0"),
         "share of training in which the rate rises")                                                         //
        ("clip", po::value(&trainer.optimizer.clip_norm)->default_value(0, "0"), "longest gradient; 0: any")  //
        ("patience", po::value(&trainer.patience)->default_value(trainer.patience),
         "epochs without improvement before giving up; 0: never")                                                     //
        ("max-time", po::value(&trainer.max_seconds)->default_value(0, "0"), "seconds of training, at most; 0: any")  //
        ("target-metric", po::value(&trainer.target_metric)->default_value(0, "0"),
         "validation hits@1 (0 to 1) that is enough")                                                  //
        ("check-nan", po::bool_switch(&trainer.check_nan), "look at every parameter after each step")  //
        ("save-every", po::value(&trainer.save_seconds)->default_value(trainer.save_seconds, "30"),
         "seconds between checkpoints")                                                      //
        ("width", po::value(&model.width)->default_value(model.width), "of the embeddings")  //
        ("hops", po::value(&model.hops)->default_value(model.hops), "reads of the memory")   //
        ("tying", po::value(&tying)->default_value(tying),
         "tables: shared (one for all), answers (one more for answers), sides (questions and keys / values and "
         "answers)")                                                                                        //
        ("bag", po::value(&bag)->default_value(bag), "scale of a bag of words: sum, inverse-sqrt or mean")  //
        ("init", po::value(&model.deviation)->default_value(model.deviation, "0.2"),
         "deviation of the first embeddings")  //
        ("negatives", po::value(&model.negatives)->default_value(model.negatives),
         "candidates to tell an answer from; 0: all")  //
        ("word-dropout", po::value(&model.word_dropout)->default_value(model.word_dropout, "0.1"),
         "share of words read as unknown in training")  //
        ("match", po::value(&model.match)->default_value(model.match, "100000"),
         "how much a slot's weight speaks for its value; 0: not (the paper's score)")  //
        ("train-entities", po::bool_switch(&model.train_entities),
         "train the embeddings of entities too (the paper's way)")                                     //
        ("hash-words", po::bool_switch(&hash_words), "find slots by words too, not only by entities")  //
        ("max-frequency", po::value(&model.retriever.max_frequency)->default_value(model.retriever.max_frequency),
         "tokens in more keys are too common to find slots by")  //
        ("max-slots", po::value(&model.retriever.max_slots)->default_value(model.retriever.max_slots),
         "slots that a question reads, at most");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    if (!values.count("resume")) config.data = required(values, "data", "the data set to train on");
    parse(tying, model.tying);
    parse(bag, model.bag_scale);
    parse(method, trainer.optimizer.method);
    parse(decay, trainer.schedule.decay);
    model.seed = trainer.seed;
    model.retriever.entities_only = !hash_words;
    model.validate();
    trainer.validate();

    require_at_least(threads, 0, "threads");
    const ThreadLimit limit(threads);
    TrainingSession session = open_session(values, config);
    const Index questions = session.dataset().split("train").size();
    std::cerr << plural(questions, "training question") << ", "
              << plural(session.dataset().memory.size(), "memory slot") << ", "
              << plural(session.model().parameters().count(), "parameter") << ", " << plural(thread_count(), "thread")
              << "\n";

    const Interruption interruption;
    Progress progress;
    TrainingSession::Callbacks callbacks;
    callbacks.step = [&](const StepReport& report) {
        if (progress.due()) progress.show(describe(report));
    };
    callbacks.epoch = [&](const EpochReport& report) { progress.finish(describe(report)); };
    callbacks.interrupted = [] { return Interruption::signal() != 0; };
    const StopReason reason = session.run(callbacks);
    progress.clear();

    const TrainerState& state = session.state();
    const std::string directory = values["run"].as<std::string>();
    if (reason == StopReason::interrupted) {
        std::cerr << "saved; go on with: kvmem train --resume --run " << directory << "\n";
        return 128 + Interruption::signal();
    }
    std::cerr << describe(reason) << ", " << minutes(state.seconds);
    if (state.best >= 0)
        std::cerr << "; best validation hits@1 " << percent(state.best) << " after epoch " << state.best_epoch;
    std::cerr << "; model in " << directory << "\n";
    return 0;
}

}  // namespace kvmem::apps
