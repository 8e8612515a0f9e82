// How the best model of a training is chosen, for the settings of trained models.
#pragma once

#include "kvmem/core/types.hpp"

#include <span>

namespace kvmem {

// The score of a validation: NDCG@10 over all items, or the AUC against one item that the user never has.
enum class Select { ndcg, auc };
inline std::span<const char* const> choices(Select) {
    static constexpr const char* names[] = {"ndcg", "auc"};
    return names;
}

// How the best epoch is found.
struct Selection {
    // The measure, and the number of queries that it is taken of.
    Select select = Select::ndcg;
    Index queries = 2000;  // of the validation split, evenly; 0: all
};

}  // namespace kvmem
