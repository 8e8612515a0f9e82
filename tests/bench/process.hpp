// A contestant: a process of its own, with which lines are exchanged.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace bench {

class Process {
  public:
    // Runs on the first `threads` cores, and tells OpenMP and OpenBLAS to use as many threads.
    Process(const std::vector<std::string>& command, int threads);
    ~Process();  // ends it
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    // Says a line and gives the answer without its first word `expected`; without a line, only hears. Throws
    // std::runtime_error when the process has died, has been silent for five minutes, or answers in another way.
    std::string ask(const std::string& line, const std::string& expected);

    // Of computing, by all its threads so far.
    double cpu_seconds() const;

  private:
    std::string hear();

    pid_t pid_ = -1;
    int to_ = -1, from_ = -1;
    std::string heard_;  // not yet a line
};

}  // namespace bench
