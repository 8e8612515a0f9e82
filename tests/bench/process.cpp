#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace bench {

// In the child, between fork and exec.
[[noreturn]] static void become(const std::vector<std::string>& command, int threads, int in, int out) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    for (int core = 0; core < threads; ++core) CPU_SET(core, &cores);
    sched_setaffinity(0, sizeof cores, &cores);
    const std::string count = std::to_string(threads);
    for (const char* variable : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}) setenv(variable, count.c_str(), 1);
    setenv("OMP_PROC_BIND", "true", 1);  // or two threads may share a core for a while
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
}

Process::Process(const std::vector<std::string>& command, int threads) {
    signal(SIGPIPE, SIG_IGN);
    int down[2], up[2];
    if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("no process");
    if (pid_ == 0) become(command, threads, down[0], up[1]);
    close(down[0]);
    close(up[1]);
    to_ = down[1];
    from_ = up[0];
}

Process::~Process() {
    close(to_);
    close(from_);
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

std::string Process::ask(const std::string& line, const std::string& expected) {
    const std::string text = line + "\n";
    if (!line.empty() && write(to_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw std::runtime_error("died");
    const std::string answer = hear();
    if (answer.rfind(expected, 0) != 0) throw std::runtime_error(answer.empty() ? "empty answer" : answer);
    return answer.size() > expected.size() ? answer.substr(expected.size() + 1) : std::string();
}

double Process::cpu_seconds() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
    std::string text;
    std::getline(file, text);
    std::istringstream fields(text.substr(text.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0, system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::string Process::hear() {
    constexpr int milliseconds = 300'000;
    for (;;) {
        if (const std::size_t end = heard_.find('\n'); end != std::string::npos) {
            const std::string line = heard_.substr(0, end);
            heard_.erase(0, end + 1);
            return line;
        }
        pollfd ready{from_, POLLIN, 0};
        if (poll(&ready, 1, milliseconds) <= 0) throw std::runtime_error("silent for five minutes");
        char block[4096];
        const ssize_t count = read(from_, block, sizeof block);
        if (count <= 0) throw std::runtime_error("died");
        heard_.append(block, static_cast<std::size_t>(count));
    }
}

}  // namespace bench
