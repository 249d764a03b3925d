package dev.oxbow.app.demo.payload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
class PayloadTest {
  @TempDir private Path folder;

  @Test
  void dependsOnSeedAndLengthAndNothingElse() throws IOException {
    byte[] whole = bytes(1, 100_000);
    assertThat(bytes(1, 100_000)).isEqualTo(whole);
    assertThat(bytes(1, 50_001)).isEqualTo(java.util.Arrays.copyOf(whole, 50_001));
    assertThat(bytes(2, 100_000)).isNotEqualTo(whole);
  }

  @Test
  void hashIsThatOfTheBytesHoweverTheyAreRead() throws IOException {
    Path file = Files.write(folder.resolve("file"), bytes(3, 70_001));
    assertThat(Hash.ofFile(file)).isEqualTo(Hash.ofPayload(3, 70_001)).hasSize(64);
    assertThat(Hash.ofPayload(0, 0))
        .isEqualTo("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  }

  private static byte[] bytes(long seed, int length) throws IOException {
    try (Payload payload = new Payload(seed, length)) {
      return payload.readAllBytes();
    }
  }
}
