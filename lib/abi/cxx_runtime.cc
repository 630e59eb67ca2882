// What the C++ runtime would bring along for throwing exceptions, which nothing here does or catches:
// without it the library needs libc alone and a tenth of the room. Where the standard library would
// throw, the process ends, as it would have with nobody to catch.
#include <cstdio>
#include <cstdlib>
#include <new>

namespace {

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "fuse: %s\n", what);
  std::abort();
}

void* allocate(std::size_t size) {
  if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
  give_up("out of memory");
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size != 0 ? size : 1);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size != 0 ? size : 1);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  void* memory = nullptr;
  if (::posix_memalign(&memory, static_cast<std::size_t>(alignment), size) != 0) {
    give_up("out of memory");
  }
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace std {

void __throw_length_error(const char* what) { give_up(what); }
void __throw_logic_error(const char* what) { give_up(what); }
void __throw_bad_alloc() { give_up("out of memory"); }
void __throw_bad_array_new_length() { give_up("out of memory"); }
void __throw_bad_function_call() { give_up("an empty function was called"); }
void __throw_out_of_range_fmt(const char* what, ...) { give_up(what); }
void __throw_system_error(int) { give_up("a lock was used wrongly"); }

}  // namespace std

extern "C" void __cxa_pure_virtual() { give_up("a pure virtual function was called"); }

// glibc's own registry of what to destroy when a thread ends.
extern "C" int __cxa_thread_atexit_impl(void (*)(void*), void*, void*);
extern "C" int __cxa_thread_atexit(void (*destroy)(void*), void* object, void* library) {
  return __cxa_thread_atexit_impl(destroy, object, library);
}
