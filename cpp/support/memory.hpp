// Memory of large matrices. The system clears each page that it gives: of mixtures of wide matrices that takes as long
// as all that is computed with them.
#pragma once

#include <cstddef>
#include <vector>

namespace mixtura {

void* take_memory(std::size_t n_bytes);
void give_back_memory(void* memory, std::size_t n_bytes) noexcept;

// While there is one, in any thread, large pieces that are given back are kept for who asks for as many bytes; the last
// one to go frees them.
class Recycling {
  public:
    Recycling();
    ~Recycling();
    Recycling(const Recycling&) = delete;
    Recycling& operator=(const Recycling&) = delete;
};

template <class T>
struct Recycled {
    using value_type = T;

    Recycled() = default;
    template <class Other>
    Recycled(const Recycled<Other>&) {}  // NOLINT(google-explicit-constructor): as allocators are

    T* allocate(std::size_t n) { return static_cast<T*>(take_memory(n * sizeof(T))); }
    void deallocate(T* memory, std::size_t n) noexcept { give_back_memory(memory, n * sizeof(T)); }

    template <class Other>
    bool operator==(const Recycled<Other>&) const {
        return true;
    }
    template <class Other>
    bool operator!=(const Recycled<Other>&) const {
        return false;
    }
};

// As many as matrices have.
using Numbers = std::vector<double, Recycled<double>>;

}  // namespace mixtura
