// Bytes of a connection to replies: the reader of requests, the rules of access, the table of endpoints and a store.
#include "access_rules.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/store/memory_store.hpp"
#include "request_reader.hpp"
#include "service.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace {

using namespace kvmem;
using namespace kvmem::apps;

Service& service() {
    static const std::unique_ptr<Service> opened = [] {
        const auto folder = std::filesystem::temp_directory_path() / ("serve_fuzz." + std::to_string(::getpid()));
        std::filesystem::create_directory(folder);
        const auto path = folder / "s.h5";
        store::MemoryStore store({.key_width = 2, .value_width = 1});
        const std::vector<std::string> texts{"one", "two"};
        store.add(Matrix(2, 2), {.vectors = Matrix(2, 1), .texts = texts});
        store.save(path);
        auto made = std::make_unique<Service>(ServedPaths{{path.string()}, {}, false});
        std::filesystem::remove_all(folder);
        return made;
    }();
    return *opened;
}

void require(bool holds) {
    if (!holds) std::abort();
}

// Answers a request as the server does, without its threads.
void answer(const Request& request) {
    static const AccessRules rules(8080, {}, {}, "");
    const Endpoint* endpoint = nullptr;
    const auto missing = Service::find(request, endpoint);
    const auto refused = rules.refusal_of(request, endpoint && endpoint->is_public);
    Reply reply = refused ? reply_of(*refused) : missing ? reply_of(*missing) : service().run(*endpoint, request);
    std::string part;
    for (int parts = 0; reply.next && parts < 8 && reply.next(part); ++parts)
        ;
    compress(reply, request);
    const std::string head = head_of(reply, request, request.keep_alive);
    require(reply.status >= 200 && reply.status <= 505);
    require(head.starts_with("HTTP/1.1 ") && head.find("\r\n\r\n") == head.size() - 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // The first byte says how many bytes come at once: the same requests must come out.
    const std::size_t step = size > 0 && data[0] > 0 ? data[0] : size;
    std::string buffer;
    RequestReader reader({.body_bytes = 4096});
    for (std::size_t at = size > 0; at < size; at += step) {
        buffer.append(reinterpret_cast<const char*>(data) + at, std::min(step, size - at));
        while (reader.read(buffer) == RequestReader::State::done) {
            answer(reader.request());
            reader = RequestReader({.body_bytes = 4096});
        }
        if (reader.read(buffer) == RequestReader::State::refused) {
            require(reader.refusal().status >= 400 && !reader.request().keep_alive);
            return 0;
        }
    }
    return 0;
}
