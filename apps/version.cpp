// kvmem version: what to name in a report of a fault.
#include "kvmem/version.hpp"

#include "kvmem/kernels/instruction_set.hpp"
#include "program.hpp"

#include <iostream>
#include <thread>

namespace kvmem::apps {

int run_version(const Arguments& arguments) {
    CommandLine line{.usage = "kvmem version [--build]", .about = "Prints the version.", .positional = {}};
    line.options.add_options()("build", "also what the program was built by and from, and what it computes with");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    std::cout << "kvmem " KVMEM_VERSION "\n";
    if (!values.count("build")) return 0;
    print_row("built by", KVMEM_BUILT);
    print_row("built from", KVMEM_BUILT_FROM);
    print_row("instruction set", std::string(instruction_set_name()));
    print_row("threads of the machine", std::to_string(std::thread::hardware_concurrency()));
    return 0;
}

}  // namespace kvmem::apps
