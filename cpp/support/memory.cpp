// Large pieces in huge pages, kept while somebody recycles.
#include "support/memory.hpp"

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace mixtura {
namespace {

// Bytes from which a piece is large, those of a huge page, and those that are kept at most.
constexpr std::size_t large = std::size_t{1} << 22, huge_page = std::size_t{1} << 21, most_kept = std::size_t{1} << 30;

struct Piece {
    void* memory;
    std::size_t n_bytes;
};

std::atomic<int> n_recycling{0};

// In a process that was forked while another thread held it the lock stays shut: nothing is kept there, and nobody
// waits.
struct Kept {
    std::mutex lock;
    std::vector<Piece> pieces;
    std::size_t n_bytes = 0;
};

Kept& kept() {
    static Kept* const all = new Kept;  // never destroyed: threads may outlive what is
    return *all;
}

void* take_kept(std::size_t n_bytes) {
    Kept& all = kept();
    const std::unique_lock<std::mutex> own(all.lock, std::try_to_lock);
    if (!own.owns_lock()) return nullptr;
    for (Piece& piece : all.pieces) {
        if (piece.n_bytes != n_bytes) continue;
        void* const memory = piece.memory;
        piece = all.pieces.back();
        all.pieces.pop_back();
        all.n_bytes -= n_bytes;
        return memory;
    }
    return nullptr;
}

bool keep(Piece piece) noexcept {
    if (n_recycling.load() == 0) return false;
    Kept& all = kept();
    const std::unique_lock<std::mutex> own(all.lock, std::try_to_lock);
    if (!own.owns_lock() || n_recycling.load() == 0 || all.n_bytes + piece.n_bytes > most_kept) return false;
    try {
        all.pieces.push_back(piece);
    } catch (const std::bad_alloc&) {
        return false;
    }
    all.n_bytes += piece.n_bytes;
    return true;
}

}  // namespace

void* take_memory(std::size_t n_bytes) {
    if (n_bytes < large) return ::operator new(n_bytes);
    if (n_recycling.load() > 0) {
        if (void* const memory = take_kept(n_bytes)) return memory;
    }
    const std::size_t room = (n_bytes + huge_page - 1) / huge_page * huge_page;
    void* const memory = std::aligned_alloc(huge_page, room);
    if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    madvise(memory, room, MADV_HUGEPAGE);
#endif
    return memory;
}

void give_back_memory(void* memory, std::size_t n_bytes) noexcept {
    if (n_bytes < large) return ::operator delete(memory);
    if (!keep({memory, n_bytes})) std::free(memory);
}

Recycling::Recycling() { ++n_recycling; }

Recycling::~Recycling() {
    if (--n_recycling > 0) return;
    Kept& all = kept();
    const std::unique_lock<std::mutex> own(all.lock, std::try_to_lock);
    if (!own.owns_lock() || n_recycling.load() > 0) return;
    for (const Piece& piece : all.pieces) std::free(piece.memory);
    all.pieces.clear();
    all.n_bytes = 0;
}

}  // namespace mixtura
