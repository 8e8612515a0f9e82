// Runs programs as a shell would, and gives back all that came out.
#pragma once

#include "support/temporary_directory.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace kvmem::test {

struct Output {
    std::string out, err;
    int code = -1;  // 128 + n when signal n ended it

    // The lines of stderr that say what went wrong.
    std::vector<std::string> errors() const {
        std::vector<std::string> all;
        for (std::size_t at = 0; at < err.size();) {
            const std::size_t end = std::min(err.find('\n', at), err.size());
            if (err.compare(at, 7, "error: ") == 0) all.push_back(err.substr(at, end - at));
            at = end + 1;
        }
        return all;
    }
};

// A process that was started. Its output goes to files.
class Running {
  public:
    Running(std::vector<std::string> command, const std::string& input) {
        const std::string in = directory_.write("in", input).string(), out = path("out"), err = path("err");
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, in.c_str(), O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT, 0644);
        posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT, 0644);
        std::vector<char*> arguments;
        for (std::string& argument : command) arguments.push_back(argument.data());
        arguments.push_back(nullptr);
        const int code = ::posix_spawn(&process_, arguments[0], &files, nullptr, arguments.data(), ::environ);
        posix_spawn_file_actions_destroy(&files);
        if (code != 0) throw std::runtime_error("cannot run " + command[0]);
    }
    pid_t process() const { return process_; }
    std::string err_so_far() const { return read_file(directory_.path() / "err"); }
    Output wait() {
        int status = 0;
        ::waitpid(process_, &status, 0);
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return {read_file(path("out")), read_file(path("err")), code};
    }

  private:
    std::string path(const std::string& name) const { return (directory_.path() / name).string(); }

    TemporaryDirectory directory_;
    pid_t process_ = -1;
};

inline bool have_program() { return *KVMEM_PROGRAM != '\0'; }

inline std::vector<std::string> command(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{KVMEM_PROGRAM};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
}

inline Output kvmem_program(const std::vector<std::string>& arguments, const std::string& input = {}) {
    return Running(command(arguments), input).wait();
}

// A line of shell, with the program as "$KVMEM".
inline Output shell(const std::string& line) {
    return Running({"/bin/sh", "-c", "KVMEM='" + std::string(KVMEM_PROGRAM) + "'; " + line}, {}).wait();
}

}  // namespace kvmem::test
