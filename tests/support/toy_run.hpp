// Training runs on the toy knowledge base.
#pragma once

#include "kvmem/tasks/qa/model_file.hpp"
#include "kvmem/tasks/qa/objective.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/train/session.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_kb.hpp"

namespace kvmem::test {

// A directory with a data set and room for runs.
struct ToyRun {
    TemporaryDirectory directory;
    std::filesystem::path data = directory.path() / "toy.h5";

    ToyRun() { save_dataset(toy_kb(), data); }
    std::filesystem::path operator/(const std::string& name) const { return directory.path() / name; }

    RunConfig config(Index epochs = 3) const {
        RunConfig config;
        config.data = data.string();
        KvMemNNConfig model = toy_config();
        model.width = 16;
        config.model = model;
        config.trainer.epochs = epochs;
        config.trainer.batch = 16;
        config.trainer.schedule = {.rate = 0.01, .warmup = 0.1, .decay = Decay::linear};
        config.trainer.patience = 0;
        return config;
    }
};

}  // namespace kvmem::test
