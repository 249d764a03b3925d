package dev.oxbow.app.demo;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A small process beside the demo that undoes what is left when the demo is gone, however it went:
 * a SIGKILL leaves no time to clean up. It knows by the end of its input.
 */
final class Reaper {
  private static final String SCRIPT =
      """
      trap '' HUP INT TERM
      read -r end
      ip=$1 folder=$2
      shift 2
      for namespace; do
        [ -e "/run/netns/$namespace" ] || continue
        for round in 1 2 3 4 5 6 7 8 9 10; do
          pids=$("$ip" netns pids "$namespace")
          [ -n "$pids" ] || break
          kill -9 $pids
          sleep 0.1
        done
        "$ip" netns del "$namespace"
      done
      [ -z "$folder" ] || rm -rf -- "$folder"
      """;

  private Reaper() {}

  /**
   * Starts it. Where all is undone already it does nothing, and ends with this process.
   *
   * @param folder is removed with all that is in it; null to leave it
   */
  static void start(Path ip, @Nullable Path folder) throws IOException {
    List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", SCRIPT, "oxbow-demo-reaper"));
    command.add(ip.toString());
    command.add(folder == null ? "" : folder.toString());
    for (Network.Place place : Network.Place.values()) {
      command.add(place.namespace());
    }
    new ProcessBuilder(command)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }
}
