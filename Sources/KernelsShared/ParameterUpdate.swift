import Kernels

@inline(never)
func sgd(_ sgd: SGDUpdate) {
  forEachVector(of: sgd.update.count, Native.self, sgd)
}

@inline(never)
func rmsProp(_ rmsProp: RMSPropUpdate) {
  forEachVector(of: rmsProp.update.count, Native.self, rmsProp)
}

@inline(never)
func adamW(_ adamW: AdamWUpdate) {
  forEachVector(of: adamW.update.count, Native.self, adamW)
}

@inline(never)
func average(_ average: AverageUpdate) {
  forEachVector(of: average.count, Native.self, average)
}
