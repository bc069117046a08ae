// A thread that Python ends sleeps instead, until the process is gone.
//
// Compiled without exceptions, so that the handler is a place to jump to (as in C), and the jump is taken before any
// frame of C++ is unwound: a wheel has its own copy of the C++ library, and pthread_exit unwinds by the system's. Every
// C library has this, while abi::__forced_unwind is GNU's alone.
#include <pthread.h>
#include <unistd.h>

namespace mixtura::python {

extern "C" {
static void sleep_forever(void*) {
    for (;;) pause();
}
}

void call_or_sleep(void (*function)(void*), void* argument);
void call_or_sleep(void (*function)(void*), void* argument) {
    pthread_cleanup_push(&sleep_forever, nullptr);
    function(argument);
    pthread_cleanup_pop(0);
}

}  // namespace mixtura::python
