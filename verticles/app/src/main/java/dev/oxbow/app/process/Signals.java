package dev.oxbow.app.process;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Handlers of signals. The JDK has them only in {@code sun.misc.Signal}, which javac warns of, so
 * it is called by reflection, here and nowhere else.
 */
public final class Signals {
  private static final Logger log = LoggerFactory.getLogger(Signals.class);

  private Signals() {}

  /**
   * Runs a task each time a signal comes, on a thread of the JVM's instead of what the signal did
   * before.
   *
   * @param name without SIG, such as {@code HUP}
   */
  public static void on(String name, Runnable task) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handlerType = Class.forName("sun.misc.SignalHandler");
      InvocationHandler invocation =
          (proxy, method, arguments) ->
              switch (method.getName()) {
                case "handle" -> {
                  task.run();
                  yield null;
                }
                case "equals" -> proxy == arguments[0];
                case "hashCode" -> System.identityHashCode(proxy);
                default -> "handler of SIG" + name;
              };
      Object handler =
          Proxy.newProxyInstance(
              Signals.class.getClassLoader(), new Class<?>[] {handlerType}, invocation);
      signal
          .getMethod("handle", signal, handlerType)
          .invoke(null, signal.getConstructor(String.class).newInstance(name), handler);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("cannot handle SIG" + name, e);
    }
  }

  /**
   * Turns SIGTERM and SIGINT to requests for an orderly stop; a second one ends the process at
   * once.
   *
   * @return counted down by the first signal
   */
  public static CountDownLatch stopRequested() {
    CountDownLatch stop = new CountDownLatch(1);
    for (String name : new String[] {"TERM", "INT"}) {
      on(
          name,
          () -> {
            if (stop.getCount() == 0) {
              log.warn("SIG{} again: ending at once", name);
              Runtime.getRuntime().halt(1);
            }
            log.info("SIG{}: stopping in order", name);
            stop.countDown();
          });
    }
    return stop;
  }
}
