import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A thread beside the main one, which the benchmark puts on a processor by its name. */
final class Second {
  private final ExecutorService thread;
  private CompletableFuture<Void> running = CompletableFuture.completedFuture(null);

  Second(String name) {
    thread =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread made = new Thread(task, name);
              made.setDaemon(true);
              return made;
            });
    begin(() -> {});
    await();
  }

  void begin(Runnable task) {
    running = CompletableFuture.runAsync(task, thread);
  }

  /** Waits for the end of the task; fails as it did. */
  void await() {
    running.join();
  }
}
