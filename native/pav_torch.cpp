// The only native code of pav: a C interface to libtorch's dispatcher. Any operator is found by its schema name and
// called boxed, with autograd, so this file names no operator. It compiles against libtorch 1.13 to 2.x.
// Every function that can fail returns null or non-zero and leaves its message in pav_error().

#include <dlfcn.h>
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#if __has_include(<torch/headeronly/version.h>)
#include <torch/headeronly/version.h>
#else
#include <torch/version.h>
#endif

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#define PAV_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

enum Tag : int64_t {
  kNone, kTensor, kInt, kDouble, kBool, kIntList, kDoubleList, kTensorList, kString, kDevice
};

// One argument or result. Lists: p points to n elements; a tensor list to n handles. Device: i = type, n = index (-1: none).
struct Value {
  int64_t tag;
  union { int64_t i; double d; void* p; };
  int64_t n;
};

struct Operator {
  c10::OperatorHandle handle;
};

thread_local std::string last_error;
std::atomic<int64_t> live_tensors{0};

at::Tensor* wrap(at::Tensor tensor) {
  auto* handle = new at::Tensor(std::move(tensor));
  ++live_tensors;
  return handle;
}

template <typename F>
int guarded(F&& body) {
  try {
    body();
    return 0;
  } catch (const c10::Error& e) {
    last_error = e.what_without_backtrace();
  } catch (const std::exception& e) {
    last_error = e.what();
  } catch (...) {
    last_error = "unknown native exception";
  }
  return 1;
}

const at::Tensor& tensor_at(void* handle) { return *static_cast<at::Tensor*>(handle); }

c10::IValue unpack(const Value& v, const c10::Argument& argument) {
  switch (v.tag) {
    case kNone: return {};
    case kTensor: return tensor_at(v.p);
    case kInt:
      if (argument.type()->kind() == c10::TypeKind::FloatType) return static_cast<double>(v.i);
      return v.i;
    case kDouble: return v.d;
    case kBool: return v.i != 0;
    case kIntList: return c10::List<int64_t>(c10::IntArrayRef(static_cast<int64_t*>(v.p), v.n));
    case kDoubleList: return c10::List<double>(c10::ArrayRef<double>(static_cast<double*>(v.p), v.n));
    case kTensorList: {
      c10::List<at::Tensor> list;
      list.reserve(v.n);
      for (int64_t i = 0; i < v.n; i++) list.push_back(tensor_at(static_cast<void**>(v.p)[i]));
      return list;
    }
    case kString: return std::string(static_cast<char*>(v.p), v.n);
    case kDevice: return c10::Device(static_cast<c10::DeviceType>(v.i), static_cast<c10::DeviceIndex>(v.n));
    default: TORCH_CHECK(false, "unknown argument tag ", v.tag);
  }
}

Value pack_tensor(const at::Tensor& tensor) {
  Value v{kNone, {0}, 0};
  if (tensor.defined()) {
    v.tag = kTensor;
    v.p = wrap(tensor);
  }
  return v;
}

// A tensor list is spliced into the results.
void pack(const c10::IValue& value, std::vector<Value>& results) {
  Value v{kNone, {0}, 0};
  if (value.isTensor()) {
    v = pack_tensor(value.toTensor());
  } else if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) results.push_back(pack_tensor(tensor));
    return;
  } else if (value.isBool()) {
    v.tag = kBool;
    v.i = value.toBool();
  } else if (value.isInt()) {
    v.tag = kInt;
    v.i = value.toInt();
  } else if (value.isDouble()) {
    v.tag = kDouble;
    v.d = value.toDouble();
  } else {
    TORCH_CHECK(value.isNone(), "a result of type ", value.tagKind(), " cannot be returned");
  }
  results.push_back(v);
}

const c10::impl::DeviceGuardImplInterface* cuda() {
  return c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA) ? c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA) : nullptr;
}

}  // namespace

PAV_EXPORT const char* pav_error() { return last_error.c_str(); }
PAV_EXPORT const char* pav_version() { return TORCH_VERSION; }
PAV_EXPORT int64_t pav_live_tensors() { return live_tensors; }

// name: "aten::add", overload: "Tensor" or "". The operator lives as long as the process.
PAV_EXPORT Operator* pav_find(const char* name, const char* overload) {
  Operator* found = nullptr;
  guarded([&] {
    auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
    TORCH_CHECK(handle.has_value(), "this libtorch (", TORCH_VERSION, ") has no operator ", name, ".", overload);
    found = new Operator{*handle};
  });
  return found;
}

// Trailing arguments that are not given take the schema's defaults. The results go to results[0, capacity) and their number
// to *count; capacity 0 drops them, as in-place operators want.
PAV_EXPORT int pav_call(Operator* op, const Value* args, int n_args, Value* results, int capacity, int* count) {
  return guarded([&] {
    const auto& schema = op->handle.schema().arguments();
    TORCH_CHECK(static_cast<size_t>(n_args) <= schema.size(), "got ", n_args, " arguments, takes ", schema.size());
    std::vector<c10::IValue> stack;
    stack.reserve(schema.size());
    for (int i = 0; i < n_args; i++) stack.push_back(unpack(args[i], schema[i]));
    for (size_t i = n_args; i < schema.size(); i++) {
      TORCH_CHECK(schema[i].default_value().has_value(), "argument '", schema[i].name(), "' is missing");
      stack.push_back(*schema[i].default_value());
    }
    op->handle.callBoxed(stack);
    *count = 0;
    if (capacity == 0) return;
    if (stack.size() == 1 && stack[0].isTensor()) {
      results[0] = pack_tensor(stack[0].toTensor());
      *count = 1;
      return;
    }
    std::vector<Value> all;
    for (const auto& value : stack) pack(value, all);
    if (all.size() > static_cast<size_t>(capacity)) {
      for (const auto& v : all)
        if (v.tag == kTensor) { delete static_cast<at::Tensor*>(v.p); --live_tensors; }
      TORCH_CHECK(false, all.size(), " results do not fit in ", capacity);
    }
    std::copy(all.begin(), all.end(), results);
    *count = static_cast<int>(all.size());
  });
}

PAV_EXPORT void pav_free(at::Tensor* tensor) {
  delete tensor;
  --live_tensors;
}

// A CPU tensor on the memory at data, which is released when its storage is freed.
PAV_EXPORT at::Tensor* pav_on_memory(void* data, const int64_t* sizes, int dim, int dtype, void (*release)(void*), void* holder) {
  at::Tensor* result = nullptr;
  guarded([&] {
    auto options = at::TensorOptions().dtype(static_cast<c10::ScalarType>(dtype));
    result = wrap(at::from_blob(data, c10::IntArrayRef(sizes, dim), [=](void*) { release(holder); }, options));
  });
  return result;
}

PAV_EXPORT void* pav_data(const at::Tensor* t) { return t->data_ptr(); }
PAV_EXPORT int pav_dim(const at::Tensor* t) { return static_cast<int>(t->dim()); }
PAV_EXPORT int64_t pav_numel(const at::Tensor* t) { return t->numel(); }
PAV_EXPORT int pav_dtype(const at::Tensor* t) { return static_cast<int>(t->scalar_type()); }
PAV_EXPORT int pav_device_type(const at::Tensor* t) { return static_cast<int>(t->device().type()); }
PAV_EXPORT int pav_device_index(const at::Tensor* t) { return t->device().index(); }
PAV_EXPORT int pav_is_contiguous(const at::Tensor* t) { return t->is_contiguous(); }
PAV_EXPORT int pav_requires_grad(const at::Tensor* t) { return t->requires_grad(); }

PAV_EXPORT void pav_shape(const at::Tensor* t, int64_t* sizes, int64_t* strides) {
  for (int64_t i = 0; i < t->dim(); i++) {
    sizes[i] = t->size(i);
    strides[i] = t->stride(i);
  }
}

PAV_EXPORT int pav_set_requires_grad(at::Tensor* t, int value) {
  return guarded([&] { t->requires_grad_(value != 0); });
}

PAV_EXPORT int pav_backward(at::Tensor* t, at::Tensor* gradient, int retain_graph) {
  return guarded([&] { t->backward(gradient ? *gradient : at::Tensor(), retain_graph != 0); });
}

// Null when there is no gradient.
PAV_EXPORT at::Tensor* pav_grad(const at::Tensor* t) {
  at::Tensor* result = nullptr;
  guarded([&] { if (t->grad().defined()) result = wrap(t->grad()); });
  return result;
}

// gradient may be null: none.
PAV_EXPORT int pav_set_grad(at::Tensor* t, at::Tensor* gradient) {
  return guarded([&] { t->mutable_grad() = gradient ? *gradient : at::Tensor(); });
}

PAV_EXPORT int pav_item(const at::Tensor* t, Value* result) {
  return guarded([&] {
    auto scalar = t->item();
    if (scalar.isBoolean()) { result->tag = kBool; result->i = scalar.toBool(); }
    else if (scalar.isIntegral(false)) { result->tag = kInt; result->i = scalar.toLong(); }
    else { result->tag = kDouble; result->d = scalar.toDouble(); }
  });
}

// Per thread.
PAV_EXPORT int pav_grad_enabled() { return c10::GradMode::is_enabled(); }
PAV_EXPORT void pav_set_grad_enabled(int enabled) { c10::GradMode::set_enabled(enabled != 0); }

PAV_EXPORT int pav_manual_seed(uint64_t seed) { return guarded([&] { at::manual_seed(seed); }); }
PAV_EXPORT int pav_num_threads() { return at::get_num_threads(); }
// OpenBLAS has threads of its own, which libtorch's setting does not reach.
PAV_EXPORT int pav_set_num_threads(int n) {
  return guarded([&] {
    at::set_num_threads(n);
    if (auto set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) set(n);
  });
}
PAV_EXPORT int pav_cuda_devices() { return cuda() ? static_cast<int>(cuda()->deviceCount()) : 0; }
