// Runs the tests, if there is a keeper to be tested: its path is in $FUSE_KEEPER, where the library
// looks for it, too.
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const char* keeper = getenv("FUSE_KEEPER");
  if (keeper == nullptr || access(keeper, X_OK) != 0) {
    fprintf(stderr, "FUSE_KEEPER must name the keeper that is to be tested\n");
    return 2;
  }
  return RUN_ALL_TESTS();
}
