"""The ground floor: errors, data types, geometry, files and folders. Imports no other part of rnnet."""
