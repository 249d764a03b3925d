package dev.oxbow.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Help and version answer at once because they load nothing that takes long. */
@DescriptorLeaks
class StartTimeTest {
  private static final Pattern SLOW =
      Pattern.compile(
          "(io\\.vertx|io\\.netty|jnr|com\\.kenai|org\\.slf4j|ch\\.qos|org\\.newsclub).*");

  @Test
  void helpAndVersionLoadNeitherVertxNorNativeCodeNorLogging() throws Exception {
    try (Recorder loader = Recorder.ofThisClassPath()) {
      Class<?> oxbow = loader.loadClass("dev.oxbow.app.Oxbow");
      Method commandLine = oxbow.getDeclaredMethod("commandLine");
      commandLine.setAccessible(true);
      for (String[] arguments :
          new String[][] {{"--version"}, {"--help"}, {"forward", "--help"}, {"run", "--help"}}) {
        execute(commandLine.invoke(null), arguments);
      }
      assertThat(loader.loaded).anyMatch(name -> name.startsWith("picocli."));
      assertThat(loader.loaded).noneMatch(name -> SLOW.matcher(name).matches());
    }
  }

  /** What the first JVM of a start does is lost with it, so it does as little as possible. */
  @Test
  void privateCopyIsMadeWithoutThemToo(@TempDir Path folder) throws Exception {
    Path jar = Files.writeString(folder.resolve("o.jar"), "content");
    long uid = (int) Files.getAttribute(folder, "unix:uid") & 0xffffffffL;
    try (Recorder loader = Recorder.ofThisClassPath()) {
      Class<?> type = loader.loadClass("dev.oxbow.app.program.ProgramCache");
      Method open = type.getDeclaredMethod("open", Path.class, long.class);
      Method enter = type.getDeclaredMethod("enter", Path.class);
      open.setAccessible(true);
      enter.setAccessible(true);
      Object entry = enter.invoke(open.invoke(null, folder.resolve("cache"), uid), jar);
      Method lock = entry.getClass().getDeclaredMethod("lock");
      lock.setAccessible(true);
      Class<?> image = loader.loadClass("dev.oxbow.fdpassing.libc.ProcessImage");
      assertThat(image.getMethod("close", int.class).invoke(null, lock.invoke(entry))).isNull();
      assertThat(loader.loaded).contains("com.kenai.jffi.Invoker");
      assertThat(loader.loaded)
          .noneMatch(name -> SLOW.matcher(name).matches() && !name.startsWith("com.kenai.jffi."));
    }
  }

  private static void execute(Object commandLine, String... arguments)
      throws NoSuchMethodException, IllegalAccessException, InvocationTargetException {
    Object status =
        commandLine
            .getClass()
            .getMethod("execute", String[].class)
            .invoke(commandLine, (Object) arguments);
    assertThat(status).isEqualTo(0);
  }

  /** Loads every class anew and remembers its name. */
  private static final class Recorder extends URLClassLoader {
    private final Set<String> loaded = new TreeSet<>();

    private Recorder(URL[] urls) {
      super(urls, ClassLoader.getPlatformClassLoader());
    }

    static Recorder ofThisClassPath() {
      return new Recorder(
          Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator, -1))
              .map(Recorder::url)
              .toArray(URL[]::new));
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
      loaded.add(name);
      return super.findClass(name);
    }

    @Override
    public void close() throws IOException {
      super.close();
    }

    private static URL url(String entry) {
      try {
        return Path.of(entry).toUri().toURL();
      } catch (MalformedURLException e) {
        throw new IllegalArgumentException(entry, e);
      }
    }
  }
}
