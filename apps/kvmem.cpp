// The kvmem program: a table of verbs, and what happens when one of them fails.
#include "foreign_hdf5.hpp"
#include "kvmem/core/text.hpp"
#include "printable_stream.hpp"
#include "program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <iterator>

namespace {

using namespace kvmem;
using namespace kvmem::apps;

struct Verb {
    const char* name;
    const char* summary;
    int (*run)(const Arguments&);
};

constexpr Verb verbs[] = {
    {"import", "turn questions, pairs or texts into an HDF5 data set", run_import},
    {"synth", "make up a data set: stories with questions, or pairs", run_synth},
    {"inspect", "tell what a data set, model or run holds", run_inspect},
    {"train", "train a network on a data set", run_train},
    {"evaluate", "measure a trained model on a split", run_evaluate},
    {"ask", "answer questions and show the memories read", run_ask},
    {"predict", "answer JSON lines from stdin", run_predict},
    {"translate", "write targets for lines of sources", run_translate},
    {"align", "show what each symbol of a target was read from", run_align},
    {"generate", "go on with a text", run_generate},
    {"recommend", "say what a user will take next, and why", run_recommend},
    {"serve", "serve runs and stores to browsers and programs", run_serve},
    {"plot", "draw how training went and what is read", run_plot},
    {"export", "write a trained model for other programs", run_export},
    {"index", "make a store of vectors", run_index},
    {"query", "search a store of vectors", run_query},
    {"store", "change a store of vectors, or write its slots", run_store},
    {"shard", "deal a data set of documents or facts to several files", run_shard},
    {"completion", "print a script that completes words in a shell", run_completion},
    {"version", "print the version; --build: also what it was built from", run_version},
};

void print_usage(std::ostream& out) {
    out << "usage: kvmem VERB [options]      ('kvmem VERB --help' tells more)\n\n";
    for (const Verb& verb : verbs)
        out << "  " << verb.name << std::string(12 - std::string(verb.name).size(), ' ') << verb.summary << "\n";
}

int run(const Arguments& arguments) {
    if (arguments.empty()) {
        print_usage(std::cerr);
        return 2;
    }
    const std::string& name = arguments.front();
    if (name == list_options || (name == "help" && arguments.back() == list_values)) {
        for (const Verb& verb : verbs)
            std::cout << verb.name << (name == "help" ? "" : "\t" + std::string(verb.summary)) << "\n";
        return 0;
    }
    if (name == "help" && arguments.size() > 1) return run({arguments[1], "--help"});
    if (name == "--help" || name == "-h" || name == "help") {
        print_usage(std::cout);
        return 0;
    }
    if (name == foreign_reader_verb) return run_foreign_reader({arguments.begin() + 1, arguments.end()});
    for (const Verb& verb : verbs)
        if (name == verb.name || (name == "--version" && verb.run == run_version))
            return verb.run(Arguments(arguments.begin() + 1, arguments.end()));
    std::string names;
    for (const Verb& verb : verbs)
        names += (&verb == verbs ? "" : &verb == std::end(verbs) - 1 ? " or " : ", ") + std::string(verb.name);
    throw UsageError({.what = "no such verb", .expected = names, .got = name, .hint = "see 'kvmem --help'"});
}

int fail(const std::string& what, int code) {
    std::cout.exceptions(std::ios::goodbit);  // std::cerr flushes it, which may fail again
    std::cerr << "error: " << printable(what) << "\n";
    return code;
}

// Opens closed standard streams: otherwise the first file that is opened takes the number of one, and output goes
// there.
void open_standard_streams() {
    for (int stream = 0; stream <= STDERR_FILENO; ++stream)
        if (::fcntl(stream, F_GETFD) < 0) ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

// When the reader has closed its end, that is no error: the program ends with SIGPIPE, as others do.
int output_failed() {
    pollfd output{STDOUT_FILENO, 0, 0};
    if (::poll(&output, 1, 0) > 0 && (output.revents & POLLERR)) {
        std::signal(SIGPIPE, SIG_DFL);
        std::raise(SIGPIPE);
    }
    return fail("cannot write to the output", 1);
}

}  // namespace

int main(int count, char** values) {
    open_standard_streams();
    std::signal(SIGPIPE, SIG_IGN);  // a write to a closed pipe fails, and output_failed() ends the program
    std::signal(SIGXFSZ, SIG_IGN);  // a write beyond the limit of a file's size fails, too
    std::cout.exceptions(std::ios::badbit);
    const PrintableStream output(std::cout), messages(std::cerr);
    try {
        const int code = run(Arguments(values + 1, values + count));
        std::cout.flush();
        return code;
    } catch (const std::ios_base::failure&) {
        return output_failed();
    } catch (const std::exception&) {
        const auto [what, code] = current_failure();
        return fail(what, code);
    }
}
