// An answer for people and for programs.
#pragma once

#include "kvmem/models/answerer.hpp"

#include <boost/json.hpp>
#include <iosfwd>
#include <string>

namespace kvmem::apps {

void print(std::ostream& out, const Answer& answer);
boost::json::object to_json(const std::string& question, const Answer& answer);

}  // namespace kvmem::apps
