import Glibc

/// Threads that work ahead, and hand over what they made in the order of the tasks.
///
/// At most `capacity` tasks are under way or wait to be taken, so that memory stays bounded however
/// many there are. One thread gives tasks and takes outcomes. Where the system grants no thread, it
/// does the work itself when it takes the outcome.
final class OrderedWorkers<Task: Sendable, Outcome: Sendable>: @unchecked Sendable {
  private enum Place {
    case empty
    case waiting(Task)
    case atWork
    case done(Outcome)
  }

  /// Tasks that can be held.
  let capacity: Int

  private let threadLimit: Int
  private let work: @Sendable (Task, Int) -> Outcome
  private let monitor = Monitor()
  private var places: [Place]
  /// Tasks are numbered as they are given; each has the place that is its number modulo the capacity.
  /// Those below `taken` were handed over, those below `begun` were begun, `given` were given.
  private var taken = 0
  private var begun = 0
  private var given = 0
  private var idleThreads = 0
  private var isStopping = false
  /// Used by the one thread alone.
  private var threads: [pthread_t] = []
  private var canStartThreads = true

  /// - Parameters:
  ///   - threads: The most that are started; each only when there is work for it.
  ///   - capacity: Tasks that can be held.
  ///   - work: Makes the outcome of a task that lies in a place, numbered from 0 to below the
  ///     capacity. The place is the task's own until the task after the one next taken is taken.
  init(threads: Int, capacity: Int, work: @escaping @Sendable (Task, _ place: Int) -> Outcome) {
    precondition(threads >= 1 && capacity >= 1)
    threadLimit = threads
    self.capacity = capacity
    self.work = work
    places = Array(repeating: .empty, count: capacity)
  }

  /// Tasks that were given and not taken.
  var count: Int { given - taken }

  /// Whether another task can be given.
  var hasRoom: Bool { count < capacity }

  /// Gives a task.
  ///
  /// - Precondition: `hasRoom`.
  func give(_ task: Task) {
    precondition(hasRoom)
    let needsThread = monitor.locked {
      places[given % capacity] = .waiting(task)
      given += 1
      monitor.signalWork()
      return given - begun > idleThreads
    }
    if needsThread { startThread() }
  }

  /// Waits for the outcome of the task that was given first, and takes it.
  ///
  /// - Precondition: `count > 0`.
  func take() -> (outcome: Outcome, place: Int) {
    precondition(count > 0)
    let place = taken % capacity
    if threads.isEmpty { workOnOne() }
    let outcome = monitor.locked {
      while true {
        if case .done(let outcome) = places[place] { return outcome }
        monitor.awaitOutcome()
      }
    }
    places[place] = .empty
    taken += 1
    return (outcome, place)
  }

  /// Lets the threads end after what they are at, and waits for them.
  func stop() {
    monitor.locked {
      isStopping = true
      monitor.signalAll()
    }
    for thread in threads { pthread_join(thread, nil) }
    threads.removeAll()
  }

  private func startThread() {
    guard canStartThreads, threads.count < threadLimit else { return }
    let body = ThreadBody { [unowned self] in self.workUntilStopped() }
    if let thread = body.start() { threads.append(thread) } else { canStartThreads = false }
  }

  private func workUntilStopped() {
    while let (task, place) = monitor.locked({ nextTask() }) {
      finish(work(task, place), at: place)
    }
  }

  /// The next task, waited for; `nil` where there will be none.
  private func nextTask() -> (Task, Int)? {
    idleThreads += 1
    defer { idleThreads -= 1 }
    while begun == given || isStopping {
      if isStopping { return nil }
      monitor.awaitWork()
    }
    return begin()
  }

  private func begin() -> (Task, Int)? {
    let place = begun % capacity
    guard case .waiting(let task) = places[place] else { return nil }
    places[place] = .atWork
    begun += 1
    return (task, place)
  }

  private func finish(_ outcome: Outcome, at place: Int) {
    monitor.locked {
      places[place] = .done(outcome)
      monitor.signalOutcome()
    }
  }

  /// Without threads of its own, the thread that takes does the work.
  private func workOnOne() {
    if let (task, place) = monitor.locked({ begin() }) { finish(work(task, place), at: place) }
  }
}

/// A lock, and two things to wait for while holding it.
private final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let work = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let outcome = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(work, nil)
    pthread_cond_init(outcome, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(work)
    pthread_cond_destroy(outcome)
    mutex.deallocate()
    work.deallocate()
    outcome.deallocate()
  }

  func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  func awaitWork() { pthread_cond_wait(work, mutex) }
  func awaitOutcome() { pthread_cond_wait(outcome, mutex) }
  func signalWork() { pthread_cond_signal(work) }
  func signalOutcome() { pthread_cond_signal(outcome) }
  func signalAll() { pthread_cond_broadcast(work) }
}

/// What a thread does.
private final class ThreadBody {
  private let body: () -> Void

  init(_ body: @escaping () -> Void) { self.body = body }

  /// A decoder needs some 100 KiB; the default of 8 MiB would count against limits of address space.
  private static let stackBytes = 1 << 20

  /// Starts a thread to be joined; `nil` where the operating system grants none.
  func start() -> pthread_t? {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, Self.stackBytes)
    // Signals are the main thread's: one that came here would find it amid a record.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self)
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, context.toOpaque())
    if code != 0 { context.release() }
    return code == 0 ? thread : nil
  }
}
