package dev.oxbow.app.demo;

import dev.oxbow.app.check.Tools;
import dev.oxbow.app.demo.client.Event;
import dev.oxbow.app.demo.payload.Hash;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A transfer by curl: a client that nobody here has written. */
final class CurlClient {
  private static final String COUNTERS =
      "%{size_request} %{size_upload} %{size_header} %{size_download} %{num_connects} %{http_code}";
  private static final String RATE = "2M";

  private final String id;
  private final Child child;
  private final Path counters;
  private final Path content;

  private CurlClient(String id, Child child, Path counters, Path content) {
    this.id = id;
    this.child = child;
    this.counters = counters;
    this.content = content;
  }

  /** Where curl is, if it is. */
  static Optional<Path> find() {
    return Tools.find("curl");
  }

  /** Where curl is, which was found before. */
  static Path found() {
    return find().orElseThrow();
  }

  /** Begins a download, at a rate at which it lasts for some seconds. */
  static CurlClient download(Stage stage, Path curl, String id, String path) {
    Path content = stage.folder().resolve(id + ".received");
    List<String> options = List.of("-o", content.toString());
    return start(stage, Network.Place.CLIENTS, curl, id, content, options, url(path));
  }

  /**
   * Begins a download from somewhere else than where the other clients are, likewise.
   *
   * @param url to be asked for
   */
  static CurlClient download(Stage stage, Network.Place place, Path curl, String id, String url) {
    Path content = stage.folder().resolve(id + ".received");
    return start(stage, place, curl, id, content, List.of("-o", content.toString()), url);
  }

  private static String url(String path) {
    return "http://" + Network.PROXY_ADDRESS + ":" + Stage.FORWARD_HTTP_PORT + path;
  }

  /** Begins an upload, likewise. */
  static CurlClient upload(Stage stage, Path curl, String id, Path content, String path) {
    List<String> options = List.of("-H", "Expect:", "-o", "/dev/null", "-T", content.toString());
    return start(stage, Network.Place.CLIENTS, curl, id, content, options, url(path));
  }

  boolean isAlive() {
    return child.process().isAlive();
  }

  /** Waits for its end; what it has sent and received, as an event. */
  Event await(long seconds) throws InterruptedException, IOException {
    int status = child.awaitEnd(seconds);
    String[] words = Files.readString(counters).split(" ", -1);
    boolean ok = status == 0 && words[words.length - 1].startsWith("2");
    return new Event(
        ok ? Event.Kind.DONE : Event.Kind.FAILED,
        id,
        Long.parseLong(words[0]) + Long.parseLong(words[1]),
        Long.parseLong(words[2]) + Long.parseLong(words[3]),
        Integer.parseInt(words[4]),
        0,
        0,
        Hash.ofFile(content),
        ok ? "" : "curl ended with status " + status);
  }

  private static CurlClient start(
      Stage stage,
      Network.Place place,
      Path curl,
      String id,
      Path content,
      List<String> options,
      String url) {
    Path counters = stage.folder().resolve(id + ".counters");
    List<String> command =
        new ArrayList<>(List.of(curl.toString(), "-sS", "--max-time", "40", "-w", COUNTERS));
    command.addAll(List.of("--limit-rate", RATE));
    command.addAll(options);
    command.add(url);
    Child child = stage.start(id, place, command, ProcessBuilder.Redirect.to(counters.toFile()));
    return new CurlClient(id, child, counters, content);
  }
}
