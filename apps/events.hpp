// The parts of the verbs import and synth for events.
#pragma once

#include "kvmem/tasks/recommendation/splits.hpp"
#include "program.hpp"

namespace kvmem::apps {

// Whether kvmem import has this layout for events.
bool is_events_layout(const std::string& layout);

// kvmem import LAYOUT of events, kvmem synth shop. The first argument is the layout or kind.
int run_import_events(const Arguments& arguments);
int run_synth_shop(const Arguments& arguments);

// Adds the options of a split. Their values are taken by split_options(), which throws UsageError.
void add_split_options(CommandLine& line, const char* default_rule);
SplitOptions split_options(const po::variables_map& values);
// Prints what a split gave to stderr, and what leaks.
void tell_split(const EventSplitReport& report);

}  // namespace kvmem::apps
