// The entry of a model in its task's list of models. Not installed.
#pragma once

#include "kvmem/train/task_type.hpp"

#include <memory>
#include <string>
#include <utility>

namespace kvmem {

// What a model is made of beside its settings are the Parts that its task has for it.
template <class Base, class... Parts>
struct ModelEntry : ModelType {
    std::unique_ptr<Base> (*make)(const Settings&, Parts...);

    // The entry of the model M with settings of the type Config. `recommended` sets the trainer options that its runs
    // begin with.
    template <class M, class Config, class Recommended>
    static ModelEntry of(std::string about, Recommended recommended) {
        ModelEntry entry{{Config{}, std::move(about), {}, {}},
                         [](const Settings& settings, Parts... parts) -> std::unique_ptr<Base> {
                             return std::make_unique<M>(*settings.get<Config>(), std::forward<Parts>(parts)...);
                         }};
        entry.recommended.model = entry.defaults;
        recommended(entry.recommended.trainer);
        return entry;
    }
};

}  // namespace kvmem
