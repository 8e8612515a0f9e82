#include "kvmem/cluster/mpi.hpp"

#include "kvmem/core/error.hpp"

#include <cstdlib>

#ifdef KVMEM_HAVE_MPI
#include <boost/mpi/communicator.hpp>
#include <boost/mpi/environment.hpp>

#include <limits>
#include <thread>
#include <utility>
#endif

namespace kvmem {

#ifdef KVMEM_HAVE_MPI

namespace mpi = boost::mpi;

bool is_under_mpi() {
    for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"})
        if (std::getenv(name)) return true;
    return false;
}

namespace {
Problem failure_of_mpi(std::string got) {
    return {.what = "MPI has failed",
            .expected = "a call that succeeds",
            .got = std::move(got),
            .where = "cluster",
            .hint = "look at what mpirun says, and whether all machines are there"};
}

void require_success(int code) {
    if (code == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(code, text, &length);
    throw Error(failure_of_mpi(std::string(text, length)));
}

// The counts of MPI are int.
int count_of(std::size_t bytes) {
    constexpr std::size_t max = std::numeric_limits<int>::max();
    if (bytes > max)
        throw Error({.what = "a message is too long for MPI",
                     .expected = std::to_string(max) + " bytes at most",
                     .got = std::to_string(bytes),
                     .where = "cluster",
                     .hint = "use more ranks, whose shares are smaller"});
    return static_cast<int>(bytes);
}

class MpiCluster final : public Cluster {
  public:
    MpiCluster(std::unique_ptr<mpi::environment> environment, const mpi::communicator& world)
        : Cluster(world.rank(), world.size()),
          environment_(std::move(environment)),
          messages_(world, mpi::comm_duplicate),
          notices_(world, mpi::comm_duplicate) {
        MPI_Comm_set_errhandler(messages_, MPI_ERRORS_RETURN);
        MPI_Comm_set_errhandler(notices_, MPI_ERRORS_RETURN);
    }

    void request_stop() override {
        if (std::exchange(stop_, true)) return;
        for (int to = 0; to < size(); ++to) {
            if (to == rank()) continue;
            MPI_Request request;  // of no bytes, so it may end by itself
            require_success(MPI_Isend(nullptr, 0, MPI_BYTE, to, 0, notices_, &request));
            require_success(MPI_Request_free(&request));
        }
    }
    bool stop_requested() override {
        int found = 0;
        if (!stop_) require_success(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, notices_, &found, MPI_STATUS_IGNORE));
        return stop_ = stop_ || found != 0;
    }

  private:
    void transfer(Call call, std::span<const Outgoing> out, std::span<Incoming> in) override {
        std::vector<MPI_Request> requests;
        for (const Outgoing& message : out)
            require_success(MPI_Isend(message.bytes.data(), count_of(message.bytes.size()), MPI_BYTE,
                                      static_cast<int>(message.rank), static_cast<int>(call), messages_,
                                      &requests.emplace_back()));
        // Whatever comes first is received first.
        std::vector<Incoming*> waiting;
        for (Incoming& message : in) waiting.push_back(&message);
        while (!waiting.empty())
            if (std::erase_if(waiting, [&](Incoming* message) { return receive(call, *message, requests); }) == 0)
                std::this_thread::yield();
        require_success(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE));
    }

    // Begins to receive the message if it has come.
    bool receive(Call call, Incoming& message, std::vector<MPI_Request>& requests) {
        int found = 0, size = 0;
        MPI_Message matched;
        MPI_Status status;
        require_success(MPI_Improbe(static_cast<int>(message.rank), MPI_ANY_TAG, messages_, &found, &matched, &status));
        if (!found) return false;
        require_same(call, status.MPI_TAG, message.rank);
        require_success(MPI_Get_count(&status, MPI_BYTE, &size));
        const std::span<std::byte> to = message.place(static_cast<std::size_t>(size));
        require_success(MPI_Imrecv(to.data(), size, MPI_BYTE, &matched, &requests.emplace_back()));
        return true;
    }

    std::unique_ptr<mpi::environment> environment_;
    mpi::communicator messages_, notices_;
    bool stop_ = false;
};
}  // namespace

std::unique_ptr<Cluster> join_mpi() {
    try {
        auto environment = std::make_unique<mpi::environment>(mpi::threading::funneled, false);
        return std::make_unique<MpiCluster>(std::move(environment), mpi::communicator());
    } catch (const mpi::exception& e) {
        throw Error(failure_of_mpi(e.what()));
    }
}

void abort_mpi(int code) {
    if (mpi::environment::initialized() && !mpi::environment::finalized()) MPI_Abort(MPI_COMM_WORLD, code);
    std::_Exit(code);
}

#else

bool is_under_mpi() { return false; }

std::unique_ptr<Cluster> join_mpi() {
    throw Error(
        {.what = "this build has no MPI", .expected = "one with the CMake option KVMEM_MPI", .where = "cluster"});
}

void abort_mpi(int code) { std::_Exit(code); }

#endif

}  // namespace kvmem
