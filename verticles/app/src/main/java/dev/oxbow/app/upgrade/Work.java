package dev.oxbow.app.upgrade;

import dev.oxbow.app.systemd.ActivatedSockets;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** What a {@link ServedProcess} is there for. Called on its main thread; may block. */
public interface Work {

  /**
   * Is told how it can end the process in order, should it have nothing to do any more; called
   * before all else. The exit status is then that of a failure.
   *
   * @param end from any thread
   */
  default void canEnd(Runnable end) {}

  /**
   * Is told what a start that waits for something waits for, too; called before all else.
   *
   * @param stop counted down when this process is to end
   */
  default void stoppedBy(CountDownLatch stop) {}

  /** The layouts of state that this program reads, by the names of what it starts. */
  Map<String, Transferable.Layout> layouts();

  /**
   * Starts it, afresh or from what another process has handed over: then all of it is frozen.
   *
   * @param activated sockets that a service manager has passed
   * @param cargos by name; null to start afresh. They are used up
   * @return what can be handed over, in the order in which it is to be frozen
   * @throws dev.oxbow.service.runtime.StartException saying what cannot start
   */
  List<Transferable> start(
      Vertx vertx, ActivatedSockets activated, @Nullable Map<String, Cargo> cargos)
      throws Exception;

  /**
   * Hands over and back what nobody uses, again and again, so that the JVM has compiled what that
   * needs. Leaves nothing behind. On any thread but an event loop.
   *
   * @param cpu processor time of this process after which it ends
   * @param wall time after which it ends
   */
  void practise(Vertx vertx, Duration cpu, Duration wall);

  /** What this process does, for who looks at it: one line. */
  String status(Path directory);

  /** It serves from here on, and can be replaced. */
  void serving(Path directory) throws Exception;

  /**
   * Ends in order what must end before Vert.x is closed.
   *
   * @param seconds how long that may take
   */
  void stop(long seconds) throws TimeoutException;
}
