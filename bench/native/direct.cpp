// The calls of `calls` made from C++: no boxed stack, no .NET. For comparison only; nothing else uses this library.

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <chrono>

// Nanoseconds of one a + b (or, with product, a.mm(b)) of n x n float32 tensors, the result freed, over so many in a row.
extern "C" __attribute__((visibility("default"))) double pav_direct(int product, int64_t n, int64_t calls) {
  c10::NoGradGuard no_grad;
  auto a = at::ones({n, n}), b = at::ones({n, n});
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < calls; i++) auto result = product ? a.mm(b) : a.add(b);
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / calls;
}
