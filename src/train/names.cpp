#include "kvmem/core/error.hpp"
#include "kvmem/train/config.hpp"

#include <array>
#include <span>
#include <utility>

namespace kvmem {

template <class T>
using Names = std::span<const std::pair<const char*, T>>;

static constexpr std::array tyings{std::pair{"shared", Tying::shared}, std::pair{"answers", Tying::answers},
                                   std::pair{"sides", Tying::sides}};
static constexpr std::array bag_scales{std::pair{"sum", BagScale::sum},
                                       std::pair{"inverse-sqrt", BagScale::inverse_sqrt},
                                       std::pair{"mean", BagScale::mean}};
static constexpr std::array hop_tyings{std::pair{"adjacent", HopTying::adjacent},
                                       std::pair{"layerwise", HopTying::layerwise}};
static constexpr std::array encodings{std::pair{"bag", Encoding::bag}, std::pair{"position", Encoding::position},
                                      std::pair{"aligned", Encoding::aligned}};
static constexpr std::array retrievals{std::pair{"question", Retrieval::question}, std::pair{"hops", Retrieval::hops},
                                       std::pair{"whole", Retrieval::whole}};
static constexpr std::array methods{std::pair{"sgd", Method::sgd}, std::pair{"adagrad", Method::adagrad},
                                    std::pair{"adam", Method::adam}};
static constexpr std::array decays{std::pair{"constant", Decay::constant}, std::pair{"linear", Decay::linear},
                                   std::pair{"cosine", Decay::cosine}, std::pair{"halve", Decay::halve}};

template <class T>
static std::string name_in(Names<T> names, T value) {
    for (const auto& [name, v] : names)
        if (v == value) return name;
    return "?";
}

template <class T>
static void parse_in(Names<T> names, std::string_view text, T& value) {
    std::string all;
    for (const auto& [name, v] : names) {
        if (text == name) {
            value = v;
            return;
        }
        all += (all.empty() ? "" : ", ") + std::string(name);
    }
    throw UsageError(
        {.what = "unknown choice", .expected = "one of " + all, .got = std::string(text), .where = {}, .hint = {}});
}

std::string name_of(Tying value) { return name_in<Tying>(tyings, value); }
std::string name_of(BagScale value) { return name_in<BagScale>(bag_scales, value); }
std::string name_of(HopTying value) { return name_in<HopTying>(hop_tyings, value); }
std::string name_of(Encoding value) { return name_in<Encoding>(encodings, value); }
std::string name_of(Retrieval value) { return name_in<Retrieval>(retrievals, value); }
std::string name_of(Method value) { return name_in<Method>(methods, value); }
std::string name_of(Decay value) { return name_in<Decay>(decays, value); }
void parse(std::string_view name, Tying& value) { parse_in<Tying>(tyings, name, value); }
void parse(std::string_view name, BagScale& value) { parse_in<BagScale>(bag_scales, name, value); }
void parse(std::string_view name, HopTying& value) { parse_in<HopTying>(hop_tyings, name, value); }
void parse(std::string_view name, Encoding& value) { parse_in<Encoding>(encodings, name, value); }
void parse(std::string_view name, Retrieval& value) { parse_in<Retrieval>(retrievals, name, value); }
void parse(std::string_view name, Method& value) { parse_in<Method>(methods, name, value); }
void parse(std::string_view name, Decay& value) { parse_in<Decay>(decays, name, value); }

}  // namespace kvmem
